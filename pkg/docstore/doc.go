// Package docstore keeps typed documents with optimistic concurrency, declared
// indexes and an outbox that is part of each document.
//
// A Collection[T] stores values of T as BSON. Every document has an id, a
// revision that each write raises by one, and a list of pending events that is
// written in the same statement as the change they tell of. There is no
// transaction over two documents: what must be atomic stands in one.
//
// Engines live in their own folders (sqlite, mongo) and behave the same; the
// suite in storetest says what "the same" means. Services depend on this
// package only; which engine runs is decided where the process is put together.
// The package must not import an engine, pkg/bus or pkg/rpc.
package docstore
