#!/usr/bin/env bash
# Builds sluice-client for Linux and Windows, on Intel and Arm: build/clients/<os>-<arch>/sluice-client[.exe].
# Static binaries that are the same wherever they are built from the same commit.
set -euo pipefail
cd "$(dirname "$0")/.."
for target in linux/amd64 linux/arm64 windows/amd64 windows/arm64; do
  os=${target%/*} arch=${target#*/} suffix=
  [ "$os" = windows ] && suffix=.exe
  out=build/clients/$os-$arch/sluice-client$suffix
  CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -trimpath -ldflags '-s -w' -o "$out" ./services/sluice/cmd/client
  printf '%s\t%s bytes\n' "$out" "$(wc -c <"$out")"
done
