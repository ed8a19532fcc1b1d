#!/usr/bin/env bash
# Runs the unit tests of the recording rules and alerts in deploy/prometheus, by Prometheus' own code (scripts/tools/prometheus).
# usage: prometheus.sh
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p bin/tools
GOWORK=off go -C scripts/tools/prometheus build -o ../../../bin/tools/ruletest ./ruletest
bin/tools/ruletest deploy/prometheus/tests/*.yml
