package dispatch_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

// memory implements the stores of the domain.
type memory struct {
	mu         sync.Mutex
	deliveries map[string]domain.Delivery
	endpoints  map[string]domain.Endpoint
	off        []string // endpoints that were told to be off
	broken     error    // of every call
}

func newMemory() *memory {
	return &memory{deliveries: map[string]domain.Delivery{}, endpoints: map[string]domain.Endpoint{}}
}

func (m *memory) breakWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = err
}

func (m *memory) failure() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.broken
}

// told gives the endpoints that were told to be off.
func (m *memory) told() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.off)
}

func (m *memory) endpoint(id string) (domain.Endpoint, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.endpoints[id]
	return e, ok
}

func (m *memory) all() []domain.Delivery {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []domain.Delivery
	for _, d := range m.deliveries {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b domain.Delivery) int { return cmp.Or(a.Wake.Compare(b.Wake), cmp.Compare(a.ID, b.ID)) })
	return out
}

func (m *memory) Insert(_ context.Context, d domain.Delivery) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.deliveries[d.ID]; ok || m.broken != nil {
		return false, m.broken
	}
	m.deliveries[d.ID] = d
	return true, nil
}

func (m *memory) Get(_ context.Context, id string) (domain.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.deliveries[id]
	if !ok {
		return d, domain.ErrNoDocument
	}
	return d, m.broken
}

func (m *memory) Update(_ context.Context, id string, change func(*domain.Delivery) bool) (domain.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.deliveries[id]
	if m.broken != nil {
		return d, m.broken
	}
	if !ok {
		return d, domain.ErrNoDocument
	}
	d.Attempts = slices.Clone(d.Attempts)
	if change(&d) {
		m.deliveries[id] = d
	}
	return d, nil
}

func (m *memory) Extend(_ context.Context, id, token string, wake time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.deliveries[id]
	if !ok || d.Claim != token {
		return false, nil
	}
	d.Wake = wake
	m.deliveries[id] = d
	return true, nil
}

func (m *memory) Due(_ context.Context, now time.Time, after string, limit int) ([]domain.Delivery, string, error) {
	var out []domain.Delivery
	for _, d := range m.all() {
		if d.Due(now) && d.ID > after {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b domain.Delivery) int { return cmp.Compare(a.ID, b.ID) })
	if len(out) > limit {
		return out[:limit], out[limit-1].ID, m.failure()
	}
	return out, "", m.failure()
}

func (m *memory) DueFor(_ context.Context, endpointID string, now time.Time, limit int) ([]domain.Delivery, error) {
	var out []domain.Delivery
	for _, d := range m.all() {
		if d.Due(now) && d.EndpointID == endpointID && len(out) < limit {
			out = append(out, d)
		}
	}
	return out, m.failure()
}

func (m *memory) List(context.Context, string, webhookv1.State, string, int) ([]domain.Delivery, string, error) {
	return m.all(), "", nil
}

func (m *memory) Expire(_ context.Context, cutoff time.Time, limit int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for id, d := range m.deliveries {
		if d.State != webhookv1.Pending && d.CreatedAt.Before(cutoff) && n < limit {
			delete(m.deliveries, id)
			n++
		}
	}
	return n, nil
}

// endpointStore is the other half of memory.
type endpointStore struct{ *memory }

func (s endpointStore) Get(_ context.Context, id string) (domain.Endpoint, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.endpoints[id]
	if !ok {
		return e, domain.ErrNoDocument
	}
	return e, s.broken
}

func (s endpointStore) Upsert(_ context.Context, id string, _ time.Time, change func(*domain.Endpoint) (bool, bool)) (domain.Endpoint, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, known := s.endpoints[id]
	e.ID = id
	changed, off := change(&e)
	if changed {
		s.endpoints[id] = e
	} else if !known {
		return e, domain.ErrNoDocument
	}
	if off {
		s.off = append(s.off, id)
	}
	return e, s.broken
}

func (s endpointStore) Delete(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.endpoints, id)
	return nil
}

func (s endpointStore) List(context.Context, string, int) ([]domain.Endpoint, string, error) {
	return nil, "", nil
}

// targets gives every config of bucket "bkt" the URL of its id.
type targets struct {
	mu   sync.Mutex
	gone map[string]bool
	err  error
}

func (t *targets) set(gone string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone == nil {
		t.gone = map[string]bool{}
	}
	t.gone[gone], t.err = true, err
}

func (t *targets) Resolve(_ context.Context, s domain.Subscriber) (domain.Target, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return domain.Target{}, t.err
	}
	if t.gone[s.ConfigID] {
		return domain.Target{}, domain.ErrNoConfig
	}
	return domain.Target{AccountID: "acc", BucketID: s.BucketID, ConfigID: s.ConfigID, URL: "http://" + s.ConfigID, Secret: []byte("s")}, nil
}

// sent is one attempt that reached the sender.
type sent struct {
	at     time.Time
	url    string
	header map[string]string
	body   string
}

// sender answers as answer says, and remembers.
type sender struct {
	mu     sync.Mutex
	sent   []sent
	answer func(ctx context.Context, url string) domain.Outcome
}

func (s *sender) Send(ctx context.Context, url string, header map[string]string, body []byte) (domain.Outcome, error) {
	at := time.Now()
	s.mu.Lock()
	s.sent = append(s.sent, sent{at, url, header, string(body)})
	answer := s.answer
	s.mu.Unlock()
	o := domain.Outcome{Status: 200}
	if answer != nil {
		o = answer(ctx, url)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return o, ctx.Err()
	}
	o.At, o.Took, o.URL = at, time.Since(at), url
	return o, nil
}

// answers sets what the next attempts come to; nil is 200.
func (s *sender) answers(f func(ctx context.Context, url string) domain.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

// status is an answer without a wait.
func status(code int) func(context.Context, string) domain.Outcome {
	return func(context.Context, string) domain.Outcome { return domain.Outcome{Status: code} }
}

func (s *sender) all() []sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

func (s *sender) to(url string) (n int) {
	for _, x := range s.all() {
		if x.url == url {
			n++
		}
	}
	return n
}

// event makes a happening for configs.
func event(id string, configs ...string) domain.Happening {
	return domain.Happening{
		ID: id, Type: objectv1.ObjectCreated.Type, Source: objectv1.ObjectCreated.Source, Subject: "b/k", Time: time.Now(),
		Object: objectv1.ObjectEvent{BucketID: "bkt", Bucket: "b", Key: "k", Operation: "Put", Configs: configs},
	}
}
