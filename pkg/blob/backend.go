package blob

import (
	"context"
	"encoding/base64"
	"errors"
	"time"
)

// backend is what the package asks of JetStream: messages by subject and by
// sequence in streams that are laid out as object stores. The model check runs
// everything above it on a backend in memory.
type backend interface {
	// ensure makes the object store when it is missing, and adapts its bounds.
	ensure(ctx context.Context, spec storeSpec) error
	// publish sends without waiting; the outcome comes from the pending. A cas
	// that is not nil makes the message its subject's only one, provided that the
	// subject's last sequence is *cas (0: it has none): errStale otherwise.
	publish(ctx context.Context, store, subject string, data []byte, cas *uint64) pending
	// last gives the last message of a subject, of any replica or of the leader;
	// size is about how many bytes that will be:
	// errNoMessage.
	last(ctx context.Context, store, subject string, size int64, leader bool) (message, error)
	// bySeq gives one message: errNoMessage.
	bySeq(ctx context.Context, store string, seq uint64, size int64, leader bool) (message, error)
	// next asks the leader for the first message of a subject (wildcards too) at
	// or after seq: errNoMessage when there is none.
	next(ctx context.Context, store, subject string, seq uint64) (message, error)
	// subjects yields every subject that matches, in no order.
	subjects(ctx context.Context, store, filter string, yield func(subject string) error) error
	// purge removes a subject's messages below seq; 0: all of them.
	purge(ctx context.Context, store, subject string, below uint64) error
	// usage measures a store.
	usage(ctx context.Context, store string) (StoreUsage, error)
	// kv gives the table that the package keeps its layout and its lease in.
	kv() table
	// close ends what the backend started.
	close()
}

// pending is a publish under way.
type pending interface {
	// wait gives the message's sequence once it is stored.
	wait(ctx context.Context) (uint64, error)
}

// message is one as stored.
type message struct {
	subject string
	seq     uint64
	at      time.Time
	data    []byte // the receiver's own
}

// table is a key-value bucket with revisions.
type table interface {
	get(ctx context.Context, key string) (value []byte, rev uint64, err error)     // errNoMessage
	put(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) // rev 0: create; errStale
}

// storeSpec is how an object store is to be.
type storeSpec struct {
	name   string
	region Region
	bytes  int64
	copies int
}

var (
	errNoMessage = errors.New("no such message")
	errStale     = errors.New("another write came first")
	errRefused   = errors.New("not taken") // for now
)

// refused reports whether a publish certainly stored nothing, and never will. A
// lost answer proves neither.
func refused(err error) bool {
	return errors.Is(err, errStale) || errors.Is(err, ErrFull) || errors.Is(err, errRefused)
}

// The subjects of an object store's wire layout.
func chunkSubject(store, token string) string { return "$O." + store + ".C." + token }

func recordSubject(store, name string) string {
	return "$O." + store + ".M." + base64.URLEncoding.EncodeToString([]byte(name))
}

func streamName(store string) string { return "OBJ_" + store }
