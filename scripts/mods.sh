#!/usr/bin/env bash
# Keeps the in-repo `require` and `replace` lines of every module true.
# usage: mods.sh sync    write them from what the code imports, tidy, sync go.work
#        mods.sh check   fail where sync would change something, or a module does not build alone
#        mods.sh list    the folders of all modules
#
# `go mod tidy` does not read go.work, so a module that imports another one of
# this repository needs a relative replace for it and for all that it pulls in.
set -euo pipefail
cd "$(dirname "$0")/.."
base=github.com/sluicehq/sluice

modules() { go list -m -f '{{.Dir}}' | sed "s#^$PWD/##"; }

# In-repo modules that the packages of module $1 reach, tests included; test
# imports of other modules do not count, so the closure is taken over modules.
reaches() {
  (cd "$1" && GOWORK= go list -test -deps -f '{{with .Module}}{{.Path}}{{end}}' ./... 2>/dev/null) |
    grep "^$base/" | grep -vx "$base/$1" | sort -u || true
}

closure() {
  local seen=" " todo next m
  todo=$(reaches "$1")
  while [ -n "$todo" ]; do
    next=
    for m in $todo; do
      case "$seen" in *" $m "*) continue ;; esac
      seen="$seen$m "
      next="$next $(sed -n "s#^replace \($base/[^ ]*\) =>.*#\1#p; s#^\t\($base/[^ ]*\) =>.*#\1#p" "${m#"$base"/}/go.mod")"
    done
    todo=$next
  done
  tr ' ' '\n' <<<"$seen" | grep . | grep -vx "$base/$1" | sort -u || true
}

write() {
  local dir=$1 up m want have
  up=$(sed 's#[^/][^/]*#..#g' <<<"$dir")
  want=$(closure "$dir")
  have=$(cd "$dir" && GOWORK=off go mod edit -json | sed -n "s#.*\"Path\": \"\($base/[^\"]*\)\".*#\1#p" | grep -vx "$base/$dir" | sort -u || true)
  for m in $have; do
    grep -qx "$m" <<<"$want" || (cd "$dir" && GOWORK=off go mod edit -droprequire="$m" -dropreplace="$m")
  done
  for m in $want; do
    (cd "$dir" && GOWORK=off go mod edit -require="$m@v0.0.0" -replace="$m=$up/${m#"$base"/}")
  done
}

case "${1:-}" in
  list) modules ;;
  sync)
    # From the ground up, so that a module's replaces are known before those above it.
    for dir in $(modules | awk '{print ($0=="pkg")?0:($0=="contracts")?1:($0~/^services\/sluice/)?3:($0~/^test/)?4:2, $0}' | sort -n | cut -d' ' -f2); do
      write "$dir"
      (cd "$dir" && GOWORK=off go mod tidy)
    done
    go work sync
    ;;
  check)
    bad=0
    for dir in $(modules); do
      (cd "$dir" && GOWORK=off go mod tidy -diff) || { echo "$dir: go.mod is not tidy; run make tidy" >&2; bad=1; }
      # It compiles as build does, and links nothing.
      (cd "$dir" && GOWORK=off go list -export ./... >/dev/null) || { echo "$dir: does not build alone" >&2; bad=1; }
    done
    exit $bad
    ;;
  *) sed -n '2,5s/^# //p' "$0" >&2; exit 2 ;;
esac
