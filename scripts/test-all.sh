#!/usr/bin/env bash
# What `make test` leaves out: both topologies, kills and crashes, recorded histories,
# random operations held against a model, Watermill's suite, the Mongo wire peer, pages in a browser, generated clients, stock rclone, litmus. SLUICE_SOAK=1 raises the sizes to the full ones.
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
# -count=1: these drive a binary that the test cache knows nothing of.
go test -count=1 -timeout 60m ./test/e2e/... ./test/faults/... ./test/linear/... ./test/model/...
go test -count=1 -timeout 60m ./test/browser/... ./test/rclone/... # rclone paces itself: a request every 10 ms
go test -count=1 -timeout 60m -run TestClients ./test/openapi/...
go test -timeout 60m ./test/mongowire/...
go test -timeout 60m ./pkg/bus/... ./pkg/blob/... ./pkg/docstore/... ./services/object/... ./services/auth/... ./services/upload/... ./services/linkchecker/... ./services/stats/... ./services/webhook/... ./services/edge/internal/transfer/... ./services/edge/internal/badge/...
