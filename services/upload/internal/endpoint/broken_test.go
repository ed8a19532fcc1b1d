package endpoint_test

import (
	"context"
	"sync"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/contracts/upload/v1/uploadv1test"
	"github.com/sluicehq/sluice/pkg/faultpoint/killtest"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

// mortalParts is the store of a service that can be killed.
type mortalParts struct {
	domain.MultipartStore
	*killtest.Killer
	planned func() // called once, between the reading of parts and the writing of their plan
	staged  func() // called once, between the staging of a part and the writing of its document
}

func (b *mortalParts) InsertMultipart(ctx context.Context, m domain.Multipart) error {
	return b.Write(func() error { return b.MultipartStore.InsertMultipart(ctx, m) })
}

func (b *mortalParts) UpdateMultipart(ctx context.Context, id string, change func(*domain.Multipart) error) (domain.Multipart, error) {
	return killtest.Step(b.Killer, func() (domain.Multipart, error) { return b.MultipartStore.UpdateMultipart(ctx, id, change) })
}

func (b *mortalParts) DeleteMultipart(ctx context.Context, id string) error {
	return b.Write(func() error { return b.MultipartStore.DeleteMultipart(ctx, id) })
}

func (b *mortalParts) PutPart(ctx context.Context, upload string, n int, change func(*domain.Part, bool)) (domain.Part, error) {
	if f := b.staged; f != nil {
		b.staged = nil
		f()
	}
	return killtest.Step(b.Killer, func() (domain.Part, error) { return b.MultipartStore.PutPart(ctx, upload, n, change) })
}

func (b *mortalParts) TrimPart(ctx context.Context, upload string, n int, contents []string) error {
	return b.Write(func() error { return b.MultipartStore.TrimPart(ctx, upload, n, contents) })
}

func (b *mortalParts) DeletePart(ctx context.Context, upload string, n int) error {
	return b.Write(func() error { return b.MultipartStore.DeletePart(ctx, upload, n) })
}

func (b *mortalParts) InsertPlan(ctx context.Context, p domain.Plan) error {
	if f := b.planned; f != nil {
		b.planned = nil
		f()
	}
	return b.Write(func() error { return b.MultipartStore.InsertPlan(ctx, p) })
}

func (b *mortalParts) AnswerPlan(ctx context.Context, id string, o objectv1.Object) (domain.Plan, error) {
	return killtest.Step(b.Killer, func() (domain.Plan, error) { return b.MultipartStore.AnswerPlan(ctx, id, o) })
}

func (b *mortalParts) DeletePlan(ctx context.Context, id string) error {
	return b.Write(func() error { return b.MultipartStore.DeletePlan(ctx, id) })
}

func (b *mortalParts) DeletePlans(ctx context.Context, upload string) error {
	return b.Write(func() error { return b.MultipartStore.DeletePlans(ctx, upload) })
}

// mortalSessions is the store of sessions of a service that can be killed.
type mortalSessions struct {
	domain.SessionStore
	*killtest.Killer
	insert error // of the next insert
	paused map[string]func()
}

// pause lets something happen once behind a point of the next Append: what it
// announced was written ("announced"), its page was ("paged"), or its contents
// are staged and not yet recorded ("staged").
func (b *mortalSessions) pause(point string, f func()) { b.paused = map[string]func(){point: f} }

func (b *mortalSessions) at(point string) {
	if f := b.paused[point]; f != nil {
		b.paused = nil
		f()
	}
}

func (b *mortalSessions) InsertSession(ctx context.Context, x domain.Session) error {
	if b.insert != nil {
		return b.insert
	}
	return b.Write(func() error { return b.SessionStore.InsertSession(ctx, x) })
}

func (b *mortalSessions) UpdateSession(ctx context.Context, hash string, change func(*domain.Session) error) (domain.Session, error) {
	pending := false
	if b.paused["staged"] != nil {
		x, err := b.Session(ctx, hash)
		pending = err == nil && len(x.Pending) > 0
	}
	if pending {
		b.at("staged")
	}
	x, err := killtest.Step(b.Killer, func() (domain.Session, error) { return b.SessionStore.UpdateSession(ctx, hash, change) })
	if err == nil && len(x.Pending) > 0 {
		b.at("announced")
	}
	return x, err
}

func (b *mortalSessions) DeleteSession(ctx context.Context, hash string) error {
	return b.Write(func() error { return b.SessionStore.DeleteSession(ctx, hash) })
}

func (b *mortalSessions) PutPage(ctx context.Context, session string, n int, contents []string) error {
	err := b.Write(func() error { return b.SessionStore.PutPage(ctx, session, n, contents) })
	b.at("paged")
	return err
}

func (b *mortalSessions) DeletePages(ctx context.Context, session string) error {
	return b.Write(func() error { return b.SessionStore.DeletePages(ctx, session) })
}

// mortalObjects is object as a service sees it that can be killed.
type mortalObjects struct {
	*uploadv1test.Objects
	*killtest.Killer
}

func (o mortalObjects) BeginPut(ctx context.Context, r objectv1.BeginPutRequest) (objectv1.Ticket, error) {
	return killtest.Step(o.Killer, func() (objectv1.Ticket, error) { return o.Objects.BeginPut(ctx, r) })
}

func (o mortalObjects) AbortPut(ctx context.Context, r objectv1.AbortPutRequest) (objectv1.AbortPutResponse, error) {
	return killtest.Step(o.Killer, func() (objectv1.AbortPutResponse, error) { return o.Objects.AbortPut(ctx, r) })
}

func (o mortalObjects) RenewPut(ctx context.Context, r objectv1.RenewPutRequest) (objectv1.Ticket, error) {
	return killtest.Step(o.Killer, func() (objectv1.Ticket, error) { return o.Objects.RenewPut(ctx, r) })
}

func (o mortalObjects) ReserveAhead(ctx context.Context, r objectv1.ReserveAheadRequest) (objectv1.Empty, error) {
	return killtest.Step(o.Killer, func() (objectv1.Empty, error) { return o.Objects.ReserveAhead(ctx, r) })
}

func (o mortalObjects) StageContent(ctx context.Context, r objectv1.StageContentRequest) (objectv1.StageContentResponse, error) {
	return killtest.Step(o.Killer, func() (objectv1.StageContentResponse, error) { return o.Objects.StageContent(ctx, r) })
}

func (o mortalObjects) UnstageContents(ctx context.Context, r objectv1.UnstageContentsRequest) (objectv1.Empty, error) {
	return killtest.Step(o.Killer, func() (objectv1.Empty, error) { return o.Objects.UnstageContents(ctx, r) })
}

func (o mortalObjects) CommitPut(ctx context.Context, r objectv1.CommitPutRequest) (objectv1.Object, error) {
	return killtest.Step(o.Killer, func() (objectv1.Object, error) { return o.Objects.CommitPut(ctx, r) })
}

func (o mortalObjects) DeleteObject(ctx context.Context, r objectv1.DeleteObjectRequest) (objectv1.DeleteObjectResponse, error) {
	return killtest.Step(o.Killer, func() (objectv1.DeleteObjectResponse, error) { return o.Objects.DeleteObject(ctx, r) })
}

// mortalPliks is the store of temporary uploads of a service that can be killed.
type mortalPliks struct {
	domain.PlikStore
	killer    *killtest.Killer
	inserting func() // called once, before a file's document is written

	mu      sync.Mutex
	uploads []string // all that ever were to be
}

func (b *mortalPliks) InsertPlik(ctx context.Context, u domain.Plik) error {
	b.mu.Lock()
	b.uploads = append(b.uploads, u.ID)
	b.mu.Unlock()
	return b.killer.Write(func() error { return b.PlikStore.InsertPlik(ctx, u) })
}

func (b *mortalPliks) UpdatePlik(ctx context.Context, id string, change func(*domain.Plik) error) (domain.Plik, error) {
	return killtest.Step(b.killer, func() (domain.Plik, error) { return b.PlikStore.UpdatePlik(ctx, id, change) })
}

func (b *mortalPliks) DeletePlik(ctx context.Context, id string) error {
	return b.killer.Write(func() error { return b.PlikStore.DeletePlik(ctx, id) })
}

func (b *mortalPliks) InsertPlikFile(ctx context.Context, f domain.PlikFile) error {
	if hook := b.inserting; hook != nil {
		b.inserting = nil
		hook()
	}
	return b.killer.Write(func() error { return b.PlikStore.InsertPlikFile(ctx, f) })
}

func (b *mortalPliks) UpdatePlikFile(ctx context.Context, upload, id string, change func(*domain.PlikFile) error) (domain.PlikFile, error) {
	return killtest.Step(b.killer, func() (domain.PlikFile, error) { return b.PlikStore.UpdatePlikFile(ctx, upload, id, change) })
}

func (b *mortalPliks) DeletePlikFile(ctx context.Context, upload, id string) error {
	return b.killer.Write(func() error { return b.PlikStore.DeletePlikFile(ctx, upload, id) })
}
