#!/usr/bin/env bash
# What `make test` leaves out: a process per service and a cluster instead of one process, kills and crashes, recorded
# histories, random operations held against a model, Watermill's suite, the Mongo wire peer, pages in a browser, generated
# clients, stock rclone, litmus, dashboards and alerts held to a running system, what installations are made of.
# SLUICE_SOAK=1 raises the sizes to the full ones, and tells all stories in all topologies.
set -euo pipefail
cd "$(dirname "$0")/.."
export SLUICE_TEST_FULL=1 REQUIRE=${REQUIRE:-mongo,browser,rclone,pillow}
# A browser for the pages, rclone and WebDAV's suite as Debian has them, and what the generated Java client is compiled against.
packages=()
command -v chromium >/dev/null || packages+=(chromium)
command -v rclone >/dev/null || packages+=(rclone)
command -v litmus >/dev/null || packages+=(litmus)
/usr/bin/python3 -c 'import PIL' 2>/dev/null || packages+=(python3-pil)
! command -v javac >/dev/null || [ -e /usr/share/java/okhttp.jar ] || packages+=(libokhttp-java libgoogle-gson-java)
if [ ${#packages[@]} -gt 0 ] && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"; } >/dev/null ||
    echo "not installed: ${packages[*]}"
fi
# -count=1: the test cache knows nothing of the binary that these drive, nor of files of other modules that they read.
# One command, the longest first, so that a processor that has done its part takes the next; rclone paces itself by 10 ms a request.
# More of them at once starve each other: a system that is killed every few seconds must get to its feet in between.
go test -vet=off -count=1 -timeout 60m ./test/faults/... ./test/e2e/... ./test/rclone/... ./test/browser/... ./test/linear/... ./test/telemetry/... ./test/model/... ./test/access/... ./test/deploy/...
go test -vet=off -count=1 -timeout 60m -run TestClients ./test/openapi/...
go test -vet=off -timeout 60m ./test/mongowire/...
scripts/prometheus.sh # the unit tests of rules and alerts
# Of packages that `make test` has run, the tests that grow with SLUICE_TEST_FULL.
long=$(go run ./test/long pkg services)
# shellcheck disable=SC2086 # arguments
go test -vet=off -timeout 60m $long
