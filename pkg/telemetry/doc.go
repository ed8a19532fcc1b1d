// Package telemetry gives a service its logger, tracer, meter and metric
// registry, and carries trace and request ids between processes.
//
// Nothing in it is global: what a service needs is handed to it as *Telemetry.
// Metrics are always served by Prometheus; OTLP export happens only when the
// standard OTEL_* variables ask for it; spans are also logged at debug level, so
// that one trace can be followed through the logs of all services.
package telemetry
