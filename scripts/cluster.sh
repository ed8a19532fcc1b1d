#!/usr/bin/env bash
# An installation as it would be spread over several machines, on this one: three
# nats-servers that form a cluster (every stream three times), two copies of every
# service, a load balancer in front of the two edges. Everything listens on loopback.
#
#   scripts/cluster.sh up                 builds and starts what does not run
#   scripts/cluster.sh status             health of every process and every stream; fails when something is wrong
#   scripts/cluster.sh restart NAME…      one after the other, in order, without a failed request
#   scripts/cluster.sh down               stops all of it; the data stay
#
# SLUICE_CLUSTER_DIR   where it is kept: data/, nats/, run/ (pids), log/ (default ./data/cluster)
# SLUICE_CLUSTER_HTTP  where clients come (default 127.0.0.1:8080)
# SLUICE_CLUSTER_PORTS first of the other ports (default 4300; 0 takes free ones)
# SLUICE_…             settings of the services (deploy/SETTINGS.md); with SLUICE_MONGODB_URI
#                      documents are there, else in files that the copies share
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${SLUICE_CLUSTER_DIR:-./data/cluster}
bin=bin/cluster
args=(-dir "$dir" -bin "$PWD/$bin" -http "${SLUICE_CLUSTER_HTTP:-127.0.0.1:8080}" -ports "${SLUICE_CLUSTER_PORTS:-4300}")
unset SLUICE_CLUSTER_DIR SLUICE_CLUSTER_HTTP SLUICE_CLUSTER_PORTS
case ${1:-} in
up | restart)
  command -v go >/dev/null || { echo "cluster.sh: building it needs Go" >&2; exit 1; }
  mkdir -p "$bin"
  packages=(github.com/nats-io/nats-server/v2 ./services/sluice/cmd/sluice ./test/cluster/cmd/cluster ./test/cluster/cmd/balancer)
  for s in auth object upload linkchecker stats webhook edge; do
    packages+=("./services/$s/cmd/$s")
  done
  go build -o "$bin/" "${packages[@]}"
  ;;
down | status)
  if [ ! -x "$bin/cluster" ]; then
    mkdir -p "$bin"
    go build -o "$bin/" ./test/cluster/cmd/cluster
  fi
  ;;
*)
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
  ;;
esac
exec "$bin/cluster" "${args[@]}" "$@"
