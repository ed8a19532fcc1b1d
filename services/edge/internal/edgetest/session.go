package edgetest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
)

// session is a resumable upload in the fake.
type session struct {
	uploadv1.Session
	create    uploadv1.CreateSessionRequest
	ticket    objectv1.Ticket
	contents  []uploadv1.SessionContent
	fence     int64
	leaseTill time.Time
}

// unit is the size of a session's contents, bytes.
func (o *Object) unit() int64 {
	if o.Unit > 0 {
		return o.Unit
	}
	return uploadv1.SessionUnit
}

// note counts a call and gives the failure that a test set for it, with o.mu held.
func (o *Object) note(method string) error {
	o.Calls = append(o.Calls, method)
	if o.pass[method]--; o.Fail[method] != nil && o.pass[method] < 0 {
		return o.Fail[method]
	}
	return nil
}

// ExpireSessions ends every session, as time would.
func (o *Object) ExpireSessions() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.sessions {
		s.ExpiresAt = time.Now().Add(-time.Second)
	}
}

// ExpireLeases lets the next writer in, as ten seconds of silence would.
func (o *Object) ExpireLeases() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.sessions {
		s.leaseTill = time.Time{}
	}
}

// Leased reports whether somebody writes to a session.
func (o *Object) Leased() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.sessions {
		if time.Now().Before(s.leaseTill) {
			return true
		}
	}
	return false
}

// Durable is how many bytes a session has, -1 for one that is gone.
func (o *Object) Durable(secret string) int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s := o.sessions[secret]; s != nil {
		return s.Offset
	}
	return -1
}

// CreateSession implements uploadv1.Service.
func (u Upload) CreateSession(ctx context.Context, r uploadv1.CreateSessionRequest) (uploadv1.CreatedSession, error) {
	u.O.mu.Lock()
	err := u.O.note("CreateSession")
	u.O.mu.Unlock()
	if err != nil {
		return uploadv1.CreatedSession{}, err
	}
	if max := r.Principal.Limits.ObjectBytes; max > 0 && r.Size > max {
		return uploadv1.CreatedSession{}, objectv1.ErrTooLarge
	}
	t, err := u.O.BeginPut(ctx, objectv1.BeginPutRequest{Principal: r.Principal, Bucket: r.Bucket, Key: r.Key, Size: r.Size, Hold: true, File: r.File, Region: r.Region})
	if err != nil {
		return uploadv1.CreatedSession{}, err
	}
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	secret := base64.RawURLEncoding.EncodeToString(b[:])
	u.O.mu.Lock()
	defer u.O.mu.Unlock()
	s := &session{create: r, ticket: t, Session: uploadv1.Session{
		ID: fmt.Sprintf("ses%06d", len(u.O.sessions)), AccountID: r.Principal.AccountID, NodeID: t.NodeID, Bucket: r.Bucket, Key: r.Key, Region: t.Region,
		KeyDomain: t.KeyDomain, Type: r.Metadata.ContentType, Size: r.Size, MaxSize: t.MaxSize, CreatedAt: time.Now(), ExpiresAt: time.Now().Add(7 * 24 * time.Hour), Extra: r.Extra,
	}}
	if max := r.Principal.Limits.ObjectBytes; max > 0 {
		s.MaxSize = min(s.MaxSize, max)
	}
	if r.File != nil {
		s.KeyHash = r.File.KeyHash
		if r.File.ExpiresAt != nil {
			s.FileExpiry = *r.File.ExpiresAt
		}
	}
	u.O.sessions[secret] = s
	return uploadv1.CreatedSession{Session: s.Session, Secret: secret}, nil
}

// bySecret finds a session, with o.mu held.
func (u Upload) bySecret(method, secret string) (*session, error) {
	if err := u.O.note(method); err != nil {
		return nil, err
	}
	s := u.O.sessions[secret]
	if s == nil || !time.Now().Before(s.ExpiresAt) {
		return nil, uploadv1.ErrSessionGone
	}
	return s, nil
}

// GetSession implements uploadv1.Service.
func (u Upload) GetSession(_ context.Context, r uploadv1.SessionRequest) (uploadv1.Session, error) {
	u.O.mu.Lock()
	defer u.O.mu.Unlock()
	s, err := u.bySecret("GetSession", r.Secret)
	if err != nil {
		return uploadv1.Session{}, err
	}
	return s.Session, nil
}

// lease is what a writer is told, with o.mu held.
func (s *session) lease(unit int64) uploadv1.SessionLease {
	l := uploadv1.SessionLease{Session: s.Session, Fence: s.fence, LeaseTill: s.leaseTill}
	l.Midstate = slices.Clone(s.Midstate)
	if n := len(s.contents); n > 0 && s.contents[n-1].Manifest.Size < unit {
		tail := s.contents[n-1]
		l.Tail = &tail
	}
	return l
}

// AcquireSession implements uploadv1.Service.
func (u Upload) AcquireSession(_ context.Context, r uploadv1.AcquireSessionRequest) (uploadv1.SessionLease, error) {
	u.O.mu.Lock()
	defer u.O.mu.Unlock()
	s, err := u.bySecret("AcquireSession", r.Secret)
	switch {
	case err != nil:
		return uploadv1.SessionLease{}, err
	case s.Result != nil:
		return uploadv1.SessionLease{Session: s.Session}, nil
	case r.Size >= 0 && (s.Size >= 0 && r.Size != s.Size || r.Size < s.Offset):
		return uploadv1.SessionLease{}, uploadv1.ErrSizeMismatch
	case r.Size > s.MaxSize:
		return uploadv1.SessionLease{}, objectv1.ErrTooLarge
	case time.Now().Before(s.leaseTill):
		return uploadv1.SessionLease{}, uploadv1.ErrSessionBusy.After(time.Until(s.leaseTill))
	}
	if r.Size >= 0 {
		s.Size = r.Size
	}
	s.fence++
	s.leaseTill = time.Now().Add(uploadv1.SessionLeaseTime)
	return s.lease(u.O.unit()), nil
}

// fenced finds a session for its writer, with o.mu held.
func (u Upload) fenced(method, secret string, fence int64) (*session, error) {
	s, err := u.bySecret(method, secret)
	if err == nil && s.fence != fence {
		err = uploadv1.ErrSessionBusy
	}
	return s, err
}

// AppendSession implements uploadv1.Service.
func (u Upload) AppendSession(_ context.Context, r uploadv1.AppendSessionRequest) (uploadv1.SessionLease, error) {
	o := u.O
	o.mu.Lock()
	defer o.mu.Unlock()
	s, err := u.fenced("AppendSession", r.Secret, r.Fence)
	if err != nil {
		return uploadv1.SessionLease{}, err
	}
	if len(r.Contents) == 0 || len(r.Contents) > uploadv1.MaxAppend || len(r.Midstate) == 0 {
		return uploadv1.SessionLease{}, fault.ErrInvalid
	}
	last := r.Contents[len(r.Contents)-1].ContentID
	if n := len(s.contents); n > 0 && s.contents[n-1].ContentID == last {
		return s.lease(o.unit()), nil
	}
	end := r.Offset
	for i, c := range r.Contents {
		if c.Manifest.Size < 1 || c.Manifest.Size > o.unit() || i < len(r.Contents)-1 && c.Manifest.Size != o.unit() {
			return uploadv1.SessionLease{}, fault.ErrInvalid
		}
		end += c.Manifest.Size
	}
	tail := s.lease(o.unit()).Tail
	switch {
	case tail != nil && r.Offset != s.Offset-tail.Manifest.Size, tail == nil && r.Offset != s.Offset:
		return uploadv1.SessionLease{}, uploadv1.ErrWrongOffset
	case end > s.MaxSize || s.Size >= 0 && end > s.Size:
		return uploadv1.SessionLease{}, objectv1.ErrTooLarge
	case o.Quota > 0 && end > o.Quota:
		return uploadv1.SessionLease{}, objectv1.ErrQuotaExceeded
	}
	if tail != nil {
		s.contents = s.contents[:len(s.contents)-1]
	}
	s.contents = append(s.contents, r.Contents...)
	s.Offset, s.Midstate = end, slices.Clone(r.Midstate)
	s.leaseTill = time.Now().Add(uploadv1.SessionLeaseTime)
	return s.lease(o.unit()), nil
}

// ReleaseSession implements uploadv1.Service.
func (u Upload) ReleaseSession(_ context.Context, r uploadv1.ReleaseSessionRequest) (uploadv1.Empty, error) {
	u.O.mu.Lock()
	defer u.O.mu.Unlock()
	s, err := u.bySecret("ReleaseSession", r.Secret)
	if err != nil {
		return uploadv1.Empty{}, err
	}
	if s.fence == r.Fence {
		s.leaseTill = time.Time{}
	}
	return uploadv1.Empty{}, nil
}

// FinishSession implements uploadv1.Service.
func (u Upload) FinishSession(ctx context.Context, r uploadv1.FinishSessionRequest) (objectv1.Object, error) {
	o := u.O
	o.mu.Lock()
	s, err := u.fenced("FinishSession", r.Secret, r.Fence)
	if err == nil && s.Result == nil && (s.Offset != r.Size || s.Size >= 0 && s.Size != r.Size) {
		err = uploadv1.ErrSizeMismatch
	}
	if err != nil || s.Result != nil {
		defer o.mu.Unlock()
		if err != nil {
			return objectv1.Object{}, err
		}
		return *s.Result, nil
	}
	m := blob.Manifest{Size: r.Size, Region: s.Region, Domain: s.KeyDomain}
	for _, c := range s.contents {
		m.Segments = append(m.Segments, c.Manifest.Segments...)
	}
	o.mu.Unlock()
	obj, err := o.CommitPut(ctx, objectv1.CommitPutRequest{
		Principal: s.create.Principal, Ticket: s.ticket, Bucket: s.Bucket, Key: s.Key, Manifest: m, Digests: r.Digests, Compressed: r.Compressed,
		Metadata: s.create.Metadata, Origin: s.create.Origin, File: s.create.File,
	})
	if err != nil {
		return objectv1.Object{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	s.Result, s.Size, s.leaseTill = &obj, r.Size, time.Time{}
	return obj, nil
}

// CancelSession implements uploadv1.Service.
func (u Upload) CancelSession(ctx context.Context, r uploadv1.SessionRequest) (uploadv1.Empty, error) {
	u.O.mu.Lock()
	s, err := u.bySecret("CancelSession", r.Secret)
	if err == nil && s.Result != nil {
		err = uploadv1.ErrSessionDone
	}
	if err != nil {
		u.O.mu.Unlock()
		return uploadv1.Empty{}, err
	}
	delete(u.O.sessions, r.Secret)
	u.O.mu.Unlock()
	_, err = u.O.AbortPut(ctx, objectv1.AbortPutRequest{AccountID: s.AccountID, VersionID: s.ticket.VersionID})
	return uploadv1.Empty{}, err
}
