// Package grafana describes the operators' dashboards as values and writes them as
// the JSON that Grafana reads. A panel here is what a reader looks at: its title, what
// it tells, unit, limits and queries; places on the grid, ids and the fifty keys that a
// panel has besides are made alike for all of them.
//
// It imports nothing but the standard library. Metrics are named as they stand in
// deploy/METRICS.md; test/telemetry holds every name and label to a running system.
package grafana

//go:generate go run ./gen dashboards PANELS.md ../../README.md
