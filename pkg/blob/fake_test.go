package blob

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// errCrashed is what a client meets after its crash: it can do nothing more.
var errCrashed = errors.New("this client has crashed")

// FakeServer is JetStream as this package sees it, in memory: streams with
// sequences, subjects, compare-and-set and purge, and a key-value table. A test
// may look at and harm what it keeps.
type FakeServer struct {
	mu     sync.Mutex
	now    func() time.Time
	stores map[string]*fakeStore
	table  map[string]fakeEntry
	rev    uint64
}

type fakeEntry struct {
	value []byte
	rev   uint64
}

type fakeStore struct {
	last uint64
	msgs map[uint64]message
	subj map[string][]uint64 // sequences, rising
}

// NewFakeServer makes an empty server with the clock now.
func NewFakeServer(now func() time.Time) *FakeServer {
	return &FakeServer{now: now, stores: map[string]*fakeStore{}, table: map[string]fakeEntry{}}
}

// FakeClient is one process's connection. Before and After are called around
// every operation, with its name, outside any lock; an error of Before prevents
// the operation, one of After hides its outcome.
type FakeClient struct {
	Server        *FakeServer
	Before, After func(op string) error
	crashed       bool
}

// Crash makes every operation fail from now on.
func (c *FakeClient) Crash() { c.crashed = true }

// OpenFake opens a Store over the fake. pause stands for every wait.
func OpenFake(ctx context.Context, cfg Config, c *FakeClient, pause func(context.Context, time.Duration) error) (*Store, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if err := declare(ctx, cfg, c); err != nil {
		return nil, err
	}
	s, err := open(ctx, cfg, c)
	if err != nil {
		return nil, err
	}
	// One operation at a time, so that a run can be repeated.
	s.touches, s.fetches, s.ahead = 1, 1, semaphore.NewWeighted(0)
	if pause != nil {
		s.pause = pause
	}
	return s, nil
}

// Left counts what the server keeps: records and sets of chunks, and which
// tokens these have.
func (f *FakeServer) Left() (records int, chunkTokens []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, s := range f.stores {
		for subject := range s.subj {
			if token, ok := strings.CutPrefix(subject, chunkSubject(name, "")); ok {
				chunkTokens = append(chunkTokens, token)
			} else {
				records++
			}
		}
	}
	return records, chunkTokens
}

func (c *FakeClient) do(ctx context.Context, op string, f func(*FakeServer) error) error {
	if c.crashed {
		return errCrashed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.Before != nil {
		if err := c.Before(op); err != nil {
			return err
		}
	}
	if c.crashed {
		return errCrashed
	}
	c.Server.mu.Lock()
	err := f(c.Server)
	c.Server.mu.Unlock()
	if c.After != nil {
		if herr := c.After(op); herr != nil {
			return herr
		}
	}
	if c.crashed {
		return errCrashed
	}
	return err
}

func (c *FakeClient) ensure(ctx context.Context, spec storeSpec) error {
	return c.do(ctx, "ensure", func(f *FakeServer) error {
		if f.stores[spec.name] == nil {
			f.stores[spec.name] = &fakeStore{msgs: map[uint64]message{}, subj: map[string][]uint64{}}
		}
		return nil
	})
}

type fakePending struct {
	c   *FakeClient
	seq uint64
	err error
}

func (p fakePending) wait(ctx context.Context) (uint64, error) {
	err := p.c.do(ctx, "wait", func(*FakeServer) error { return p.err })
	return p.seq, err
}

func (c *FakeClient) publish(ctx context.Context, store, subject string, data []byte, cas *uint64) pending {
	var seq uint64
	err := c.do(ctx, "publish", func(f *FakeServer) error {
		s := f.stores[store]
		if cas != nil {
			var last uint64
			if have := s.subj[subject]; len(have) > 0 {
				last = have[len(have)-1]
			}
			if last != *cas {
				return errStale
			}
		}
		s.last++
		seq = s.last
		s.msgs[seq] = message{subject: subject, seq: seq, at: f.now(), data: slices.Clone(data)}
		s.subj[subject] = append(s.subj[subject], seq)
		if cas != nil {
			s.purge(subject, seq)
		}
		return nil
	})
	return fakePending{c, seq, err}
}

func (s *fakeStore) purge(subject string, below uint64) {
	var keep []uint64
	for _, q := range s.subj[subject] {
		if below != 0 && q >= below {
			keep = append(keep, q)
		} else {
			delete(s.msgs, q)
		}
	}
	if s.subj[subject] = keep; len(keep) == 0 {
		delete(s.subj, subject)
	}
}

func (c *FakeClient) get(ctx context.Context, store string, find func(*fakeStore) uint64) (message, error) {
	var out message
	err := c.do(ctx, "get", func(f *FakeServer) error {
		s := f.stores[store]
		if s == nil {
			return errNoMessage
		}
		m, ok := s.msgs[find(s)]
		if !ok {
			return errNoMessage
		}
		out = m
		out.data = slices.Clone(m.data)
		return nil
	})
	return out, err
}

func (c *FakeClient) last(ctx context.Context, store, subject string, _ int64, _ bool) (message, error) {
	return c.get(ctx, store, func(s *fakeStore) uint64 {
		if have := s.subj[subject]; len(have) > 0 {
			return have[len(have)-1]
		}
		return 0
	})
}

func (c *FakeClient) bySeq(ctx context.Context, store string, seq uint64, _ int64, _ bool) (message, error) {
	return c.get(ctx, store, func(*fakeStore) uint64 { return seq })
}

func (c *FakeClient) next(ctx context.Context, store, subject string, seq uint64) (message, error) {
	prefix := strings.TrimSuffix(subject, ">")
	return c.get(ctx, store, func(s *fakeStore) uint64 {
		var found uint64
		for q, m := range s.msgs {
			if q >= seq && strings.HasPrefix(m.subject, prefix) && (found == 0 || q < found) {
				found = q
			}
		}
		return found
	})
}

func (c *FakeClient) subjects(ctx context.Context, store, filter string, yield func(string) error) error {
	var all []string
	err := c.do(ctx, "subjects", func(f *FakeServer) error {
		all = slices.Sorted(maps.Keys(f.stores[store].subj))
		return nil
	})
	for _, s := range all {
		if err == nil && strings.HasPrefix(s, strings.TrimSuffix(filter, ">")) {
			err = yield(s)
		}
	}
	return err
}

func (c *FakeClient) purge(ctx context.Context, store, subject string, below uint64) error {
	return c.do(ctx, "purge", func(f *FakeServer) error {
		f.stores[store].purge(subject, below)
		return nil
	})
}

func (c *FakeClient) usage(context.Context, string) (StoreUsage, error) { return StoreUsage{}, nil }
func (c *FakeClient) kv() table                                         { return fakeTable{c} }
func (c *FakeClient) close()                                            {}

type fakeTable struct{ c *FakeClient }

func (t fakeTable) get(ctx context.Context, key string) (value []byte, rev uint64, err error) {
	err = t.c.do(ctx, "kv get", func(f *FakeServer) error {
		e, ok := f.table[key]
		if !ok {
			return errNoMessage
		}
		value, rev = slices.Clone(e.value), e.rev
		return nil
	})
	return value, rev, err
}

func (t fakeTable) put(ctx context.Context, key string, value []byte, rev uint64) (next uint64, err error) {
	err = t.c.do(ctx, "kv put", func(f *FakeServer) error {
		if f.table[key].rev != rev {
			return errStale
		}
		f.rev++
		f.table[key] = fakeEntry{slices.Clone(value), f.rev}
		next = f.rev
		return nil
	})
	return next, err
}
