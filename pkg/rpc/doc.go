// Package rpc is typed request/reply over NATS: a Method names a call, Handle
// serves it, Call makes it. Both sides are go-kit endpoints with middlewares;
// services are registered with nats.go's micro, so that NATS's own tools see
// them. Deadline, trace, request id and fault travel in headers, requests and
// answers as JSON in the body. Bytes of objects never ride here.
//
// The package knows no service and imports only pkg/fault and pkg/telemetry.
package rpc
