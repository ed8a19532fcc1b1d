#!/usr/bin/env bash
# What `make test` leaves out: both topologies, kills, Watermill's suite, the Mongo
# wire peer, outside clients. SLUICE_SOAK=1 raises the sizes to the full ones.
set -euo pipefail
cd "$(dirname "$0")/.."
export SLUICE_TEST_FULL=1 REQUIRE=${REQUIRE:-mongo}
# -count=1: the first two drive a binary that the test cache knows nothing of.
go test -count=1 -timeout 60m ./test/e2e/... ./test/faults/...
go test -timeout 60m ./test/mongowire/...
go test -timeout 60m ./pkg/bus/... ./pkg/blob/... ./pkg/docstore/... ./services/object/... ./services/auth/...
