#!/usr/bin/env bash
# Benchmarks: the building blocks, then the whole system (BENCH selects, default all).
# Each line carries its baseline of the same run as a ratio.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${BENCH:-}" ]; then
  go test -run '^$' -bench . -benchtime "${BENCHTIME:-1s}" ./pkg/rpc/... ./pkg/bus/... ./pkg/docstore/... ./pkg/blob/... ./services/object/...
fi
go test -run '^$' -bench "${BENCH:-.}" -benchtime 1x -timeout 60m -v ./test/bench
