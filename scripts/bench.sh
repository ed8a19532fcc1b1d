#!/usr/bin/env bash
# Benchmarks: the building blocks, then the whole system (BENCH selects, default all).
# Each line carries its baseline of the same run as a ratio.
set -euo pipefail
cd "$(dirname "$0")/.."
# The load generator of badges.
if ! command -v wrk >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends wrk; } >/dev/null || echo "not installed: wrk"
fi
if [ -z "${BENCH:-}" ]; then
  go test -run '^$' -bench . -benchtime "${BENCHTIME:-1s}" ./pkg/rpc/... ./pkg/bus/... ./pkg/docstore/... ./pkg/blob/... ./services/object/... ./services/edge/internal/badge/... ./services/linkchecker
fi
go test -run '^$' -bench "${BENCH:-.}" -benchtime 1x -timeout 60m -v ./test/bench
