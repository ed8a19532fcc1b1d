package edgetest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// Plik is a fake of upload's temporary uploads in memory. What lapses does so
// when it is next called. Bytes that it deletes go from O. SetFail makes a method
// of that name return the error.
type Plik struct {
	O *Object

	mu      sync.Mutex
	uploads map[string]*plik
	fail    map[string]error
	calls   []string
	ahead   time.Duration // of the true time
}

// plik is an upload in the fake.
type plik struct {
	uploadv1.PlikUpload
	token      string
	credential string // base64 of login:password
	owner      authv1.Principal
	files      []*plikFile
	pending    bool // more announced files are to come
}

// plikFile is a file in the fake.
type plikFile struct {
	uploadv1.PlikFile
	fence, claim       string // of who brings the bytes, and of who takes them
	keepTill, readTill time.Time
	relay              string
	done               bool  // by FinishPlik under fence
	refused            error // what it said then
	taken              bool  // a stream, by its reader
}

var _ uploadv1.PlikService = (*Plik)(nil)

// NewPlik makes an empty fake over the objects of o.
func NewPlik(o *Object) *Plik {
	return &Plik{O: o, uploads: map[string]*plik{}, fail: map[string]error{}}
}

// SetFail makes a method fail, or work again with nil.
func (p *Plik) SetFail(method string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail[method] = err
}

// Advance lets the fake's time run ahead of the true one.
func (p *Plik) Advance(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ahead += d
}

// Called counts the calls of a method.
func (p *Plik) Called(method string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, c := range p.calls {
		if c == method {
			n++
		}
	}
	return n
}

// File tells what became of a file, without being an access.
func (p *Plik) File(uploadID, fileID string) (uploadv1.PlikFile, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep()
	u := p.uploads[uploadID]
	if u == nil {
		return uploadv1.PlikFile{}, false
	}
	f := u.file(fileID)
	if f == nil {
		return uploadv1.PlikFile{}, false
	}
	return f.PlikFile, true
}

func (p *Plik) now() time.Time { return time.Now().Add(p.ahead).UTC() }

// plikID is n random letters and digits.
func plikID(n int) string {
	const of = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	for i := range b {
		b[i] = of[int(b[i])%len(of)]
	}
	return string(b)
}

// enter notes a call, with p.mu held.
func (p *Plik) enter(method string) error {
	p.calls = append(p.calls, method)
	p.sweep()
	return p.fail[method]
}

// sweep deletes what has lost its edge.
func (p *Plik) sweep() {
	now := p.now()
	for _, u := range p.uploads {
		for _, f := range u.files {
			gone := f.Status == uploadv1.PlikUploading && now.After(f.keepTill) ||
				f.claim != "" && f.Status != uploadv1.PlikDeleted && now.After(f.readTill)
			if gone {
				p.drop(u, f)
			}
		}
	}
}

// drop deletes a file's content; the entry stays.
func (p *Plik) drop(u *plik, f *plikFile) {
	f.Status = uploadv1.PlikDeleted
	o := p.O
	o.mu.Lock()
	defer o.mu.Unlock()
	if b := o.buckets[u.AccountID+"/"+objectv1.PlikBucket]; b != nil {
		delete(b.versions, u.ID+"/"+f.ID)
	}
}

func (u *plik) file(id string) *plikFile {
	i := slices.IndexFunc(u.files, func(f *plikFile) bool { return f.ID == id })
	if i < 0 {
		return nil
	}
	return u.files[i]
}

// admin decides who may do everything with an upload (plik-wire.md 7.1).
func (u *plik) admin(c uploadv1.PlikCaller) bool {
	switch account := c.Principal.AccountID; {
	case c.UploadToken == u.token:
		return true
	case account == "" || account == objectv1.GuestAccount:
		return false
	case c.TokenID != "":
		return c.TokenID == u.TokenID
	default:
		return c.Principal.Admin || account == u.AccountID
	}
}

// to gives the upload as the caller may see it.
func (u *plik) to(c uploadv1.PlikCaller) uploadv1.PlikUpload {
	out := u.PlikUpload
	out.Entries, out.Size = len(u.files), 0
	for _, f := range u.files {
		if f.Status == uploadv1.PlikUploaded {
			out.Size += f.Size
		}
	}
	if out.Admin = u.admin(c); out.Admin {
		out.Token = u.token
	}
	if u.ExpiresAt != nil {
		ends := *u.ExpiresAt
		out.ExpiresAt = &ends
	}
	return out
}

// open resolves an upload for a caller, which is an access (plik-wire.md 6.3, 6.5).
func (p *Plik) open(id string, c uploadv1.PlikCaller) (*plik, error) {
	u := p.uploads[id]
	now := p.now()
	switch {
	case u == nil || u.pending:
		return nil, uploadv1.ErrPlikNotFound.Msgf("upload %s not found", id)
	case u.ExpiresAt != nil && !now.Before(*u.ExpiresAt):
		return nil, uploadv1.ErrPlikExpired.Msgf("upload %s has expired", id)
	}
	if u.Protected && !u.admin(c) {
		if why := u.refuses(c.Authorization); why != "" {
			return nil, uploadv1.ErrPlikCredentials.Msgf("please provide valid credentials to access this upload : %s", why)
		}
	}
	if u.ExtendTTL && u.TTL > 0 {
		ends := now.Add(time.Duration(u.TTL) * time.Second)
		u.ExpiresAt = &ends
	}
	return u, nil
}

// refuses says what is wrong with an Authorization header.
func (u *plik) refuses(header string) string {
	if header == "" {
		return "missing Authorization header"
	}
	scheme, text, ok := strings.Cut(header, " ")
	switch {
	case !ok || strings.Contains(text, " "):
		return "invalid Authorization header"
	case scheme != "Basic":
		return "invalid http authorization scheme"
	case text != u.credential:
		return "invalid credentials"
	}
	return ""
}

// openFile resolves a file for a caller.
func (p *Plik) openFile(uploadID, fileID string, c uploadv1.PlikCaller) (*plik, *plikFile, error) {
	u, err := p.open(uploadID, c)
	if err != nil {
		return nil, nil, err
	}
	f := u.file(fileID)
	if f == nil {
		return nil, nil, uploadv1.ErrPlikFileNotFound.Msgf("file %s not found", fileID)
	}
	return u, f, nil
}

// CreatePlik implements uploadv1.PlikService.
func (p *Plik) CreatePlik(_ context.Context, r uploadv1.CreatePlikRequest) (uploadv1.PlikWithFiles, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter("CreatePlik"); err != nil {
		return uploadv1.PlikWithFiles{}, err
	}
	if r.Caller.Principal.AccountID == "" || len(r.Files) > uploadv1.MaxPlikBatch {
		return uploadv1.PlikWithFiles{}, fault.ErrInvalid.Msgf("an account and %d files at most", uploadv1.MaxPlikBatch)
	}
	if r.Credential != "" {
		if _, err := base64.StdEncoding.DecodeString(r.Credential); err != nil {
			return uploadv1.PlikWithFiles{}, fault.ErrInvalid.Msgf("the credential is base64")
		}
	}
	for _, a := range r.Files {
		if err := plikName(a.Name); err != nil {
			return uploadv1.PlikWithFiles{}, err
		}
	}
	account := r.Caller.Principal.AccountID
	if r.UserSize > 0 && p.stored(account)+r.Announced > r.UserSize {
		return uploadv1.PlikWithFiles{}, tooMuch(r.UserSize)
	}
	now := p.now()
	u := &plik{
		PlikUpload: uploadv1.PlikUpload{
			ID: plikID(16), AccountID: account, TokenID: r.Caller.TokenID, TTL: r.TTL, ExtendTTL: r.ExtendTTL, OneShot: r.OneShot, Stream: r.Stream,
			Removable: r.Removable, Protected: r.Credential != "", Comments: r.Comments, SourceIP: r.Caller.Source, CreatedAt: now,
		},
		token: plikID(32), credential: r.Credential, owner: r.Caller.Principal, pending: r.More,
	}
	u.owner.System = true
	if r.TTL > 0 {
		ends := now.Add(time.Duration(r.TTL) * time.Second)
		u.ExpiresAt = &ends
	}
	p.uploads[u.ID] = u
	return p.announce(u, r.Files), nil
}

// announce adds entries and answers with them; the answer is to the upload's maker.
func (p *Plik) announce(u *plik, files []uploadv1.PlikAnnounced) uploadv1.PlikWithFiles {
	first := len(u.files)
	for _, a := range files {
		p.add(u, a)
	}
	out := uploadv1.PlikWithFiles{Upload: u.to(uploadv1.PlikCaller{UploadToken: u.token}), Files: []uploadv1.PlikFile{}}
	for _, f := range u.files[first:] {
		out.Files = append(out.Files, f.PlikFile)
	}
	return out
}

func (p *Plik) add(u *plik, a uploadv1.PlikAnnounced) *plikFile {
	f := &plikFile{PlikFile: uploadv1.PlikFile{
		ID: plikID(16), UploadID: u.ID, Index: len(u.files), Name: a.Name, Status: uploadv1.PlikMissing, Type: a.Type, Size: a.Size, Reference: a.Reference, CreatedAt: p.now(),
	}}
	u.files = append(u.files, f)
	return f
}

// AnnouncePlik implements uploadv1.PlikService.
func (p *Plik) AnnouncePlik(_ context.Context, r uploadv1.AnnouncePlikRequest) (uploadv1.PlikWithFiles, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter("AnnouncePlik"); err != nil {
		return uploadv1.PlikWithFiles{}, err
	}
	u := p.uploads[r.UploadID]
	switch {
	case u == nil || !u.admin(r.Caller):
		return uploadv1.PlikWithFiles{}, uploadv1.ErrPlikNotFound.Msgf("upload %s not found", r.UploadID)
	case r.From < 0 || r.From > len(u.files) || len(r.Files) > uploadv1.MaxPlikBatch || r.From == len(u.files) && !u.pending:
		return uploadv1.PlikWithFiles{}, fault.ErrInvalid
	}
	if r.From == len(u.files) {
		u.pending = r.More
		return p.announce(u, r.Files), nil
	}
	out := uploadv1.PlikWithFiles{Upload: u.to(r.Caller), Files: []uploadv1.PlikFile{}}
	for _, f := range u.files[r.From:min(r.From+len(r.Files), len(u.files))] {
		out.Files = append(out.Files, f.PlikFile)
	}
	return out, nil
}

// GetPlik implements uploadv1.PlikService.
func (p *Plik) GetPlik(_ context.Context, r uploadv1.PlikRequest) (uploadv1.PlikUpload, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter("GetPlik"); err != nil {
		return uploadv1.PlikUpload{}, err
	}
	u, err := p.open(r.UploadID, r.Caller)
	if err != nil {
		return uploadv1.PlikUpload{}, err
	}
	return u.to(r.Caller), nil
}

// RemovePlik implements uploadv1.PlikService.
func (p *Plik) RemovePlik(_ context.Context, r uploadv1.PlikRequest) (uploadv1.Empty, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter("RemovePlik"); err != nil {
		return uploadv1.Empty{}, err
	}
	u, err := p.open(r.UploadID, r.Caller)
	switch {
	case err != nil:
		return uploadv1.Empty{}, err
	case !u.Removable && !u.admin(r.Caller):
		return uploadv1.Empty{}, uploadv1.ErrPlikForbidden.Msgf("you are not allowed to remove this upload")
	}
	p.remove(u)
	return uploadv1.Empty{}, nil
}

func (p *Plik) remove(u *plik) {
	for _, f := range u.files {
		p.drop(u, f)
	}
	delete(p.uploads, u.ID)
}

// RemovePliks implements uploadv1.PlikService.
func (p *Plik) RemovePliks(_ context.Context, r uploadv1.RemovePliksRequest) (uploadv1.RemovePliksResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter("RemovePliks"); err != nil {
		return uploadv1.RemovePliksResponse{}, err
	}
	var out uploadv1.RemovePliksResponse
	for _, u := range slices.Collect(maps.Values(p.uploads)) {
		if u.AccountID == r.AccountID && (r.TokenID == "" || r.TokenID == u.TokenID) {
			p.remove(u)
			out.Removed++
		}
	}
	return out, nil
}
