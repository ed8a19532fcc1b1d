package uploadv1test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
)

// Accounts is as much of the auth service as upload needs, in memory.
type Accounts struct {
	authv1.Service // what upload does not call is nil

	mu  sync.Mutex
	all map[string]authv1.Account
}

// NewAccounts makes an auth service that knows these accounts, by id.
func NewAccounts(all ...authv1.Account) *Accounts {
	a := &Accounts{all: map[string]authv1.Account{}}
	for _, account := range all {
		a.all[account.ID] = account
	}
	return a
}

// Forget deletes an account.
func (a *Accounts) Forget(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.all, id)
}

// GetAccount implements authv1.Service.
func (a *Accounts) GetAccount(_ context.Context, r authv1.GetAccountRequest) (authv1.Account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	account, ok := a.all[r.ID]
	if !ok {
		return authv1.Account{}, authv1.ErrAccountNotFound
	}
	return account, nil
}

// PlikAccounts are the accounts of the suite's World.
func PlikAccounts() []authv1.Account {
	return []authv1.Account{
		{ID: "acc_alice", Username: "alice", Region: "eu-west1", Limits: authv1.Limits{StorageBytes: 1 << 30, ObjectBytes: 1 << 20}},
		{ID: "acc_bob", Username: "bob"},
		{ID: "acc_root", Username: "root", Admin: true},
		{ID: "closed", Username: "closed"}, // object says so
	}
}

// StorePlik does what an edge's transfer does: the object is there. A principal
// that may not reach the bucket does nothing.
func (o *Objects) StorePlik(at uploadv1.PlikObject) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !at.Owner.System {
		return
	}
	if o.plik == nil {
		o.plik = map[string]bool{}
	}
	o.plik[at.Owner.AccountID+":"+at.Key] = true
}

// Pliks lists the objects of temporary uploads, "account:key".
func (o *Objects) Pliks() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []string
	for key := range o.plik {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

// DeleteObject implements objectv1.Service, for objectv1.PlikBucket.
func (o *Objects) DeleteObject(_ context.Context, r objectv1.DeleteObjectRequest) (objectv1.DeleteObjectResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return run(o, "DeleteObject", func() (none objectv1.DeleteObjectResponse, err error) {
		switch {
		case r.Bucket != objectv1.PlikBucket || !r.Principal.System:
			return none, objectv1.ErrBucketNotFound
		case strings.HasPrefix(r.Principal.AccountID, "closed"):
			return none, objectv1.ErrAccountClosed
		}
		delete(o.plik, r.Principal.AccountID+":"+r.Key)
		return none, nil
	})
}

// PlikWorld is temporary uploads and what stands around them.
type PlikWorld struct {
	Service  uploadv1.PlikService
	Objects  *Objects  // what Service calls
	Accounts *Accounts // the same; made with PlikAccounts
	Clock    *Clock    // what Service reads
	// Sweep sweeps now, or does nothing where sweeps come by themselves.
	Sweep func()
}

func guest() uploadv1.PlikCaller {
	return uploadv1.PlikCaller{Principal: authv1.Principal{AccountID: objectv1.GuestAccount}, Source: "192.0.2.1:4711"}
}

// with is a guest who has an upload's secret.
func with(u uploadv1.PlikUpload) uploadv1.PlikCaller {
	c := guest()
	c.UploadToken = u.Token
	return c
}

// session is an account that has logged in.
func session(name string) uploadv1.PlikCaller {
	c := guest()
	c.Principal = authv1.Principal{AccountID: "acc_" + name, Username: name, Admin: name == "root"}
	return c
}

// token is an account that came by an upload token.
func token(name, id string) uploadv1.PlikCaller {
	c := session(name)
	c.TokenID = id
	return c
}

func (w PlikWorld) swept(t *testing.T, what string, ok func() bool) {
	t.Helper()
	World{Sweep: w.Sweep}.swept(t, what, ok)
}

func (w PlikWorld) create(t testing.TB, r uploadv1.CreatePlikRequest, names ...string) uploadv1.PlikWithFiles {
	t.Helper()
	if r.Caller.Principal.AccountID == "" {
		r.Caller = guest()
	}
	for _, n := range names {
		r.Files = append(r.Files, uploadv1.PlikAnnounced{Name: n, Reference: n})
	}
	made, err := w.Service.CreatePlik(t.Context(), r)
	if err != nil {
		t.Fatalf("creating: %v", err)
	}
	return made
}

func (w PlikWorld) get(t testing.TB, c uploadv1.PlikCaller, id string) (uploadv1.PlikUpload, error) {
	t.Helper()
	return w.Service.GetPlik(t.Context(), uploadv1.PlikRequest{Caller: c, UploadID: id})
}

// status is what became of a file, without being an access to it.
func (w PlikWorld) status(t testing.TB, f uploadv1.PlikFile) uploadv1.PlikStatus {
	t.Helper()
	caller := session("root")
	page, err := w.Service.ListPlikFiles(t.Context(), uploadv1.ListPlikFilesRequest{Caller: caller, UploadID: f.UploadID, From: f.Index, Listed: true})
	if err != nil || len(page.Files) == 0 {
		return ""
	}
	return page.Files[0].Status
}

func (w PlikWorld) try(t testing.TB, u uploadv1.PlikUpload, f uploadv1.PlikFile) (uploadv1.PlikLeased, error) {
	t.Helper()
	return w.Service.BeginPlik(t.Context(), uploadv1.BeginPlikRequest{
		Caller: with(u), UploadID: u.ID, FileID: f.ID, Name: f.Name, MaxEntries: 1000, Relay: "edge.v1.relay.x", GuestLimits: authv1.Limits{StorageBytes: 7},
	})
}

func (w PlikWorld) begin(t testing.TB, u uploadv1.PlikUpload, f uploadv1.PlikFile) uploadv1.PlikLeased {
	t.Helper()
	l, err := w.try(t, u, f)
	if err != nil {
		t.Fatalf("beginning: %v", err)
	}
	return l
}

func (w PlikWorld) finish(t testing.TB, l uploadv1.PlikLeased, size int64) (uploadv1.PlikFile, error) {
	t.Helper()
	return w.Service.FinishPlik(t.Context(), uploadv1.FinishPlikRequest{
		UploadID: l.File.UploadID, FileID: l.File.ID, Fence: l.Fence, Size: size, MD5: "d41d8cd98f00b204e9800998ecf8427e", Type: "text/plain",
	})
}

// put brings a file, as an edge does.
func (w PlikWorld) put(t testing.TB, u uploadv1.PlikUpload, f uploadv1.PlikFile, size int64) uploadv1.PlikFile {
	t.Helper()
	l := w.begin(t, u, f)
	if !u.Stream {
		w.Objects.StorePlik(l.Object)
	}
	done, err := w.finish(t, l, size)
	if err != nil {
		t.Fatalf("finishing: %v", err)
	}
	return done
}

func (w PlikWorld) keep(t testing.TB, l uploadv1.PlikLeased) error {
	t.Helper()
	_, err := w.Service.KeepPlik(t.Context(), uploadv1.KeepPlikRequest{UploadID: l.File.UploadID, FileID: l.File.ID, Fence: l.Fence})
	return err
}

func (w PlikWorld) end(t testing.TB, l uploadv1.PlikLeased) {
	t.Helper()
	_, err := w.Service.EndPlik(t.Context(), uploadv1.EndPlikRequest{UploadID: l.File.UploadID, FileID: l.File.ID, Fence: l.Fence})
	if err != nil {
		t.Fatalf("ending: %v", err)
	}
}

func (w PlikWorld) claim(t testing.TB, f uploadv1.PlikFile) (uploadv1.PlikLeased, error) {
	t.Helper()
	return w.Service.ClaimPlik(t.Context(), uploadv1.PlikFileRequest{Caller: guest(), UploadID: f.UploadID, FileID: f.ID})
}

func (w PlikWorld) remove(t testing.TB, c uploadv1.PlikCaller, id string) error {
	t.Helper()
	_, err := w.Service.RemovePlik(t.Context(), uploadv1.PlikRequest{Caller: c, UploadID: id})
	return err
}

func (w PlikWorld) removeFile(t testing.TB, c uploadv1.PlikCaller, f uploadv1.PlikFile) error {
	t.Helper()
	_, err := w.Service.RemovePlikFile(t.Context(), uploadv1.PlikFileRequest{Caller: c, UploadID: f.UploadID, FileID: f.ID})
	return err
}
