package blob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/semaphore"
)

const (
	// requestTimeout bounds one request; a reply can be lost with its connection, or
	// with a server that died, and is asked for again.
	requestTimeout = 4 * time.Second
	requestTries   = 6
	// ackTimeout bounds the wait for a PubAck.
	ackTimeout = time.Minute
	// readsPerConn bounds the bytes that are asked for on one connection: the
	// server cuts a client that has 64 MiB waiting.
	readsPerConn = 24 << 20
	// pendingAcks is beyond what the bound on bytes in flight lets happen.
	pendingAcks = 1 << 16
)

// Codes of JetStream's errors.
const (
	codeStale       = 10071
	codeStoreFull   = 10077
	codeServerFull  = 10023
	codeTooMany     = 10167
	codeNoMessage   = 10037
	codeStaleStream = 10164
)

var errNoConns = errors.New("blob: no connection given")

// natsBackend keeps each store on one connection, so that the messages of a
// segment stay in order, and the stores spread over all of them.
type natsBackend struct {
	conns []*natsConn
	log   *slog.Logger
	table jetstream.KeyValue
}

type natsConn struct {
	nc    *nats.Conn
	js    jetstream.JetStream
	reads *semaphore.Weighted
}

func newNATSBackend(ctx context.Context, conns []*nats.Conn, bucket string, log *slog.Logger) (*natsBackend, error) {
	if len(conns) == 0 {
		return nil, errNoConns
	}
	b := &natsBackend{log: log}
	for _, nc := range conns {
		js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(pendingAcks), jetstream.WithPublishAsyncTimeout(ackTimeout))
		if err != nil {
			return nil, fmt.Errorf("opening JetStream: %w", err)
		}
		b.conns = append(b.conns, &natsConn{nc: nc, js: js, reads: semaphore.NewWeighted(readsPerConn)})
	}
	kv, err := b.conns[0].js.KeyValue(ctx, bucket)
	switch {
	case err == nil:
		b.table = kv
		return b, nil
	case errors.Is(err, jetstream.ErrBucketNotFound):
		return nil, ErrNotDeclared.Msgf("KV bucket %s is not declared on the nats-server; 'sluice bus declare' does that", bucket).Because(err)
	}
	return nil, fmt.Errorf("opening KV bucket %s: %w", bucket, natsFault(err))
}

func (b *natsBackend) close() {
	for _, c := range b.conns {
		c.js.CleanupPublisher()
	}
}

func (b *natsBackend) conn(store string) *natsConn {
	if len(b.conns) == 1 {
		return b.conns[0]
	}
	// Names end in the shard's number; stores of one region then go round-robin.
	if n, err := strconv.Atoi(store[max(0, len(store)-3):]); err == nil && n >= 0 {
		return b.conns[n%len(b.conns)]
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(store))
	return b.conns[h.Sum32()%uint32(len(b.conns))]
}

type natsPending struct {
	future jetstream.PubAckFuture
	err    error
}

func (p natsPending) wait(ctx context.Context) (uint64, error) {
	if p.err != nil {
		return 0, natsFault(p.err)
	}
	select {
	case ack := <-p.future.Ok():
		return ack.Sequence, nil
	case err := <-p.future.Err():
		return 0, natsFault(err)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (b *natsBackend) publish(_ context.Context, store, subject string, data []byte, cas *uint64) pending {
	m := &nats.Msg{Subject: subject, Data: data}
	if cas != nil {
		m.Header = nats.Header{
			jetstream.MsgRollup:                 {jetstream.MsgRollupSubject},
			jetstream.ExpectedLastSubjSeqHeader: {strconv.FormatUint(*cas, 10)},
		}
	}
	f, err := b.conn(store).js.PublishMsgAsync(m)
	return natsPending{f, err}
}

func (b *natsBackend) last(ctx context.Context, store, subject string, size int64, leader bool) (message, error) {
	if leader {
		return b.fromLeader(ctx, store, getRequest{Last: subject})
	}
	return b.direct(ctx, store, "$JS.API.DIRECT.GET."+streamName(store)+"."+subject, nil, size)
}

func (b *natsBackend) bySeq(ctx context.Context, store string, seq uint64, size int64, leader bool) (message, error) {
	if leader {
		return b.fromLeader(ctx, store, getRequest{Seq: seq})
	}
	req := strconv.AppendUint([]byte(`{"seq":`), seq, 10)
	return b.direct(ctx, store, "$JS.API.DIRECT.GET."+streamName(store), append(req, '}'), size)
}

func (b *natsBackend) next(ctx context.Context, store, subject string, seq uint64) (message, error) {
	return b.fromLeader(ctx, store, getRequest{Seq: max(seq, 1), Next: subject})
}

// direct asks any replica; size is about how much the answer will be.
func (b *natsBackend) direct(ctx context.Context, store, subject string, body []byte, size int64) (message, error) {
	c := b.conn(store)
	if err := c.reads.Acquire(ctx, size); err != nil {
		return message{}, err
	}
	defer c.reads.Release(size)
	r, err := request(ctx, c.nc, subject, body)
	if err != nil {
		return message{}, err
	}
	if len(r.Data) == 0 {
		switch r.Header.Get("Status") {
		case "":
		case "404":
			return message{}, errNoMessage
		default:
			return message{}, fmt.Errorf("reading %s: %s", store, r.Header.Get("Description"))
		}
	}
	seq, err := strconv.ParseUint(r.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return message{}, fmt.Errorf("reading %s: an answer without a sequence", store)
	}
	at, _ := time.Parse(time.RFC3339Nano, r.Header.Get(jetstream.TimeStampHeaer))
	return message{subject: r.Header.Get(jetstream.SubjectHeader), seq: seq, at: at, data: r.Data}, nil
}

type getRequest struct {
	Seq  uint64 `json:"seq,omitempty"`
	Last string `json:"last_by_subj,omitempty"`
	Next string `json:"next_by_subj,omitempty"`
}

func (b *natsBackend) fromLeader(ctx context.Context, store string, req getRequest) (message, error) {
	var resp struct {
		Message *struct {
			Subject string    `json:"subject"`
			Seq     uint64    `json:"seq"`
			Data    []byte    `json:"data"`
			Time    time.Time `json:"time"`
		} `json:"message"`
	}
	if err := b.api(ctx, store, "STREAM.MSG.GET", req, &resp); err != nil {
		return message{}, err
	}
	if resp.Message == nil {
		return message{}, fmt.Errorf("reading %s: an answer without a message", store)
	}
	m := resp.Message
	return message{subject: m.Subject, seq: m.Seq, at: m.Time, data: m.Data}, nil
}

func (b *natsBackend) subjects(ctx context.Context, store, filter string, yield func(string) error) error {
	type infoRequest struct {
		Filter string `json:"subjects_filter"`
		Offset int    `json:"offset"`
	}
	for offset := 0; ; {
		var resp struct {
			Total int `json:"total"`
			State struct {
				Subjects map[string]uint64 `json:"subjects"`
			} `json:"state"`
		}
		if err := b.api(ctx, store, "STREAM.INFO", infoRequest{filter, offset}, &resp); err != nil {
			return err
		}
		for s := range resp.State.Subjects {
			if err := yield(s); err != nil {
				return err
			}
		}
		offset += len(resp.State.Subjects)
		if len(resp.State.Subjects) == 0 || offset >= resp.Total {
			return nil
		}
	}
}

func (b *natsBackend) purge(ctx context.Context, store, subject string, below uint64) error {
	req := struct {
		Filter string `json:"filter"`
		Seq    uint64 `json:"seq,omitempty"`
	}{subject, below}
	return b.api(ctx, store, "STREAM.PURGE", req, &struct{}{})
}

func (b *natsBackend) usage(ctx context.Context, store string) (StoreUsage, error) {
	var resp struct {
		Config struct {
			MaxBytes int64 `json:"max_bytes"`
		} `json:"config"`
		State struct {
			Bytes    int64  `json:"bytes"`
			Messages uint64 `json:"messages"`
		} `json:"state"`
	}
	err := b.api(ctx, store, "STREAM.INFO", struct{}{}, &resp)
	return StoreUsage{Store: store, Bytes: resp.State.Bytes, MaxBytes: resp.Config.MaxBytes, Messages: resp.State.Messages}, err
}

// api calls a stream's API and decodes its answer into resp.
func (b *natsBackend) api(ctx context.Context, store, verb string, req, resp any) error {
	body, err := json.Marshal(req)
	if err != nil {
		return fmt.Errorf("encoding a request: %w", err)
	}
	r, err := request(ctx, b.conn(store).nc, "$JS.API."+verb+"."+streamName(store), body)
	if err != nil {
		return err
	}
	var failed struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(r.Data, &failed); err != nil {
		return fmt.Errorf("decoding the answer of %s: %w", verb, err)
	}
	if failed.Error != nil {
		if failed.Error.ErrorCode == codeNoMessage {
			return errNoMessage
		}
		return fmt.Errorf("%s of %s: %w", verb, store, natsFault(failed.Error))
	}
	if err := json.Unmarshal(r.Data, resp); err != nil {
		return fmt.Errorf("decoding the answer of %s: %w", verb, err)
	}
	return nil
}

// request repeats while nobody answers, for as long as an election may take.
func request(ctx context.Context, nc *nats.Conn, subject string, body []byte) (*nats.Msg, error) {
	var err error
	for try := range requestTries {
		if try > 0 {
			if werr := sleep(ctx, time.Duration(try)*100*time.Millisecond); werr != nil {
				return nil, werr
			}
		}
		rctx, cancel := context.WithTimeout(ctx, requestTimeout)
		var r *nats.Msg
		r, err = nc.RequestMsgWithContext(rctx, &nats.Msg{Subject: subject, Data: body})
		cancel()
		if err == nil {
			return r, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, natsFault(err)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// natsFault tells apart what callers act on: a full store, a lost race, an
// absent server.
func natsFault(err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode {
		case codeStale, codeStaleStream:
			return errStale
		case codeStoreFull, codeServerFull:
			return ErrFull.Because(err)
		case codeTooMany:
			return ErrUnavailable.Because(fmt.Errorf("%w: %w", errRefused, err))
		}
		if api.Code >= 500 {
			return ErrUnavailable.Because(err)
		}
		return err
	}
	for _, away := range []error{
		nats.ErrNoResponders, nats.ErrTimeout, nats.ErrConnectionClosed, nats.ErrDisconnected, nats.ErrConnectionReconnecting,
		jetstream.ErrNoStreamResponse, jetstream.ErrAsyncPublishTimeout, jetstream.ErrTooManyStalledMsgs, context.DeadlineExceeded,
	} {
		if errors.Is(err, away) {
			return ErrUnavailable.Because(err)
		}
	}
	return err
}

func (b *natsBackend) kv() table { return natsTable{b.table} }

type natsTable struct{ jetstream.KeyValue }

func (t natsTable) get(ctx context.Context, key string) ([]byte, uint64, error) {
	e, err := t.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, errNoMessage
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading %s: %w", key, natsFault(err))
	}
	return e.Value(), e.Revision(), nil
}

func (t natsTable) put(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
	var err error
	if rev == 0 {
		rev, err = t.Create(ctx, key, value)
	} else {
		rev, err = t.Update(ctx, key, value, rev)
	}
	if errors.Is(err, jetstream.ErrKeyExists) {
		return 0, errStale
	}
	if err != nil {
		return 0, natsFault(err)
	}
	return rev, nil
}
