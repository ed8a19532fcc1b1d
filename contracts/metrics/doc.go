// Package metrics is the catalog of what the system measures: every instrument by
// its OpenTelemetry name, kind, unit and attributes, with what bounds the values of
// each. Names follow the semantic conventions of OpenTelemetry (1.43) where they have
// one; ours begin with "sluice.". deploy/METRICS.md is made from it; dashboards and
// rules name what stands here; a test of the whole system holds a scrape to it, in
// both directions.
//
// The code that makes an instrument spells its name itself, once: services do not
// import this package, and building blocks below cannot.
package metrics

//go:generate go run ./gen ../../deploy/METRICS.md
