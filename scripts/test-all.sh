#!/usr/bin/env bash
# What `make test` leaves out: both topologies, kills, Watermill's suite, the Mongo
# wire peer, outside clients. SLUICE_SOAK=1 raises the sizes to the full ones.
set -euo pipefail
cd "$(dirname "$0")/.."
export SLUICE_TEST_FULL=1 REQUIRE=${REQUIRE:-mongo}
go test -timeout 60m ./test/e2e/... ./test/faults/... ./test/mongowire/...
go test -timeout 60m ./pkg/bus/... ./pkg/blob/... ./pkg/docstore/... ./services/object/... ./services/auth/...
