// Package blob keeps content as sealed segments in JetStream object stores.
//
// A content is cut into segments, a segment into chunks; a chunk is compressed
// when that helps, sealed on its own, and published as one message in the
// object store's own wire layout. Segments are shared inside one key domain and
// region. A Manifest says where the bytes are; who keeps manifests says, by
// Contents, which of them still count, and the collector removes the rest.
//
// The package knows streams, keys by an interface, and nothing of objects,
// accounts or HTTP. It imports no other room than fault and telemetry.
package blob
