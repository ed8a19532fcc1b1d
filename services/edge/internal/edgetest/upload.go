package edgetest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// MinPart is the least size of a part but the last, in the fake: a real one
// would make tests large.
const MinPart = 5

// Upload is the fake's face as upload.
type Upload struct {
	uploadv1.Service
	O *Object
}

// Begin implements uploadv1.Service.
func (u Upload) Begin(ctx context.Context, r uploadv1.BeginRequest) (uploadv1.Ingest, error) {
	t, err := u.O.BeginPut(ctx, r.Put)
	return uploadv1.Ingest{Ticket: t, LeaseTill: t.LeaseTill}, err
}

// Renew implements uploadv1.Service.
func (u Upload) Renew(_ context.Context, r uploadv1.RenewRequest) (uploadv1.Ingest, error) {
	o := u.O
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Calls = append(o.Calls, "Renew")
	if err := o.Fail["Renew"]; err != nil {
		return uploadv1.Ingest{}, err
	}
	if _, ok := o.held[r.VersionID]; !ok {
		return uploadv1.Ingest{}, uploadv1.ErrGone
	}
	if o.Quota > 0 && r.Bytes > o.Quota {
		return uploadv1.Ingest{}, objectv1.ErrQuotaExceeded
	}
	o.held[r.VersionID] = r.Bytes
	till := time.Now().Add(o.Lease)
	return uploadv1.Ingest{Ticket: objectv1.Ticket{VersionID: r.VersionID, Reserved: r.Bytes, LeaseTill: till}, LeaseTill: till}, nil
}

// End implements uploadv1.Service.
func (u Upload) End(ctx context.Context, r uploadv1.EndRequest) (uploadv1.EndResponse, error) {
	if !r.Committed {
		_, err := u.O.AbortPut(ctx, objectv1.AbortPutRequest{AccountID: r.AccountID, VersionID: r.VersionID})
		return uploadv1.EndResponse{}, err
	}
	u.O.mu.Lock()
	defer u.O.mu.Unlock()
	delete(u.O.held, r.VersionID)
	u.O.Calls = append(u.O.Calls, "End")
	return uploadv1.EndResponse{}, nil
}

// multipart is an upload in the fake.
type multipart struct {
	uploadv1.Multipart
	account string
	create  uploadv1.CreateMultipartRequest
	parts   map[int]uploadv1.CommitPartRequest
	list    []uploadv1.CompletedPart // what it was completed with
	done    *objectv1.Object
}

// session finds an upload, with o.mu held.
func (u Upload) session(method string, action objectv1.Action, r uploadv1.MultipartRequest) (*multipart, error) {
	b, err := u.O.enter(method, r.Principal, action, r.Bucket, r.Key)
	if err != nil {
		return nil, err
	}
	m := u.O.uploads[r.UploadID]
	if m == nil || m.account != r.Principal.AccountID || m.Bucket != b.Name || m.Key != r.Key {
		return nil, uploadv1.ErrNoSuchUpload
	}
	return m, nil
}

// CreateMultipart implements uploadv1.Service.
func (u Upload) CreateMultipart(_ context.Context, r uploadv1.CreateMultipartRequest) (uploadv1.Multipart, error) {
	o := u.O
	o.mu.Lock()
	defer o.mu.Unlock()
	b, err := o.enter("CreateMultipart", r.Principal, objectv1.ActionPutObject, r.Bucket, r.Key)
	if err != nil {
		return uploadv1.Multipart{}, err
	}
	if (r.Retention != nil || r.LegalHold) && !b.ObjectLock {
		return uploadv1.Multipart{}, objectv1.ErrLockNotEnabled
	}
	o.seq++
	m := &multipart{
		Multipart: uploadv1.Multipart{UploadID: fmt.Sprintf("%s01%024d", uploadv1.UploadIDPrefix, o.seq), Bucket: r.Bucket, Key: r.Key, InitiatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)},
		account:   r.Principal.AccountID, create: r, parts: map[int]uploadv1.CommitPartRequest{},
	}
	o.uploads[m.UploadID] = m
	return m.Multipart, nil
}

// BeginPart implements uploadv1.Service.
func (u Upload) BeginPart(_ context.Context, r uploadv1.BeginPartRequest) (uploadv1.PartTicket, error) {
	o := u.O
	o.mu.Lock()
	defer o.mu.Unlock()
	m, err := u.session("BeginPart", objectv1.ActionPutObject, r.MultipartRequest)
	switch {
	case err != nil:
		return uploadv1.PartTicket{}, err
	case m.done != nil:
		return uploadv1.PartTicket{}, uploadv1.ErrNoSuchUpload
	case o.Quota > 0 && r.Size > o.Quota:
		return uploadv1.PartTicket{}, objectv1.ErrQuotaExceeded
	}
	return uploadv1.PartTicket{KeyDomain: m.account, MaxSize: o.MaxSize, ContentType: m.create.Metadata.ContentType}, nil
}

// CommitPart implements uploadv1.Service.
func (u Upload) CommitPart(_ context.Context, r uploadv1.CommitPartRequest) (uploadv1.Part, error) {
	o := u.O
	o.mu.Lock()
	defer o.mu.Unlock()
	m, err := u.session("CommitPart", objectv1.ActionPutObject, r.MultipartRequest)
	if err == nil && m.done != nil {
		err = uploadv1.ErrNoSuchUpload
	}
	if err != nil {
		return uploadv1.Part{}, err
	}
	m.parts[r.Number] = r
	return partOf(r), nil
}

func partOf(r uploadv1.CommitPartRequest) uploadv1.Part {
	return uploadv1.Part{Number: r.Number, ETag: `"` + hex.EncodeToString(r.Digests[blob.SHA256][:16]) + `-1"`, Size: r.Manifest.Size, Digests: r.Digests, At: time.Now()}
}

// ListParts implements uploadv1.Service.
func (u Upload) ListParts(_ context.Context, r uploadv1.ListPartsRequest) (uploadv1.ListPartsResponse, error) {
	u.O.mu.Lock()
	defer u.O.mu.Unlock()
	m, err := u.session("ListParts", objectv1.ActionListObjects, r.MultipartRequest)
	if err != nil {
		return uploadv1.ListPartsResponse{}, err
	}
	var out uploadv1.ListPartsResponse
	for n := r.After + 1; n <= uploadv1.MaxPartNumber; n++ {
		p, ok := m.parts[n]
		if !ok {
			continue
		}
		if len(out.Parts) == r.Limit {
			out.More = true
			break
		}
		out.Parts = append(out.Parts, partOf(p))
	}
	return out, nil
}

// CompleteMultipart implements uploadv1.Service.
func (u Upload) CompleteMultipart(_ context.Context, r uploadv1.CompleteMultipartRequest) (objectv1.Object, error) {
	o := u.O
	o.mu.Lock()
	defer o.mu.Unlock()
	m, err := u.session("CompleteMultipart", objectv1.ActionPutObject, r.MultipartRequest)
	if err != nil {
		return objectv1.Object{}, err
	}
	if m.done != nil {
		if !slices.Equal(m.list, r.Parts) {
			return objectv1.Object{}, uploadv1.ErrNoSuchUpload
		}
		return *m.done, nil
	}
	b := o.buckets[m.account+"/"+m.Bucket]
	o.seq++
	obj := b.object(m.Key, fmt.Sprintf("v%06d", o.seq))
	var sums bytes.Buffer
	for i, want := range r.Parts {
		p, ok := m.parts[want.Number]
		switch {
		case !ok || partOf(p).ETag != want.ETag:
			return objectv1.Object{}, uploadv1.ErrInvalidPart
		case i < len(r.Parts)-1 && p.Manifest.Size < MinPart:
			return objectv1.Object{}, uploadv1.ErrPartTooSmall
		}
		sums.Write(p.Digests[blob.SHA256])
		obj.Manifest.Size += p.Manifest.Size
		obj.Manifest.Segments = append(obj.Manifest.Segments, p.Manifest.Segments...)
	}
	if err := b.conditions(m.Key, r.Conditions); err != nil {
		return objectv1.Object{}, err
	}
	sum := sha256.Sum256(sums.Bytes())
	obj.Size, obj.Metadata, obj.LegalHold = obj.Manifest.Size, m.create.Metadata, m.create.LegalHold
	obj.ETag = fmt.Sprintf(`"%x-%d"`, sum[:16], len(r.Parts))
	obj.Digests, obj.Composite = map[blob.Algorithm][]byte{blob.SHA256: sum[:], blob.CRC64NVME: make([]byte, 8)}, []blob.Algorithm{blob.SHA256}
	if m.create.Retention != nil {
		obj.Retention = m.create.Retention
	}
	b.add(version{Object: obj})
	m.list, m.done = r.Parts, &obj
	return obj, nil
}

// AbortMultipart implements uploadv1.Service.
func (u Upload) AbortMultipart(_ context.Context, r uploadv1.MultipartRequest) (uploadv1.Empty, error) {
	u.O.mu.Lock()
	defer u.O.mu.Unlock()
	m, err := u.session("AbortMultipart", objectv1.ActionPutObject, r)
	if err == nil && m.done != nil {
		err = uploadv1.ErrNoSuchUpload
	}
	if err != nil {
		return uploadv1.Empty{}, err
	}
	delete(u.O.uploads, r.UploadID)
	return uploadv1.Empty{}, nil
}

// ListMultiparts implements uploadv1.Service.
func (u Upload) ListMultiparts(_ context.Context, r uploadv1.ListMultipartsRequest) (uploadv1.ListMultipartsResponse, error) {
	o := u.O
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.enter("ListMultiparts", r.Principal, objectv1.ActionListObjects, r.Bucket, r.Prefix); err != nil {
		return uploadv1.ListMultipartsResponse{}, err
	}
	var out uploadv1.ListMultipartsResponse
	for _, m := range o.uploads {
		if m.done == nil && m.account == r.Principal.AccountID && m.Bucket == r.Bucket && strings.HasPrefix(m.Key, r.Prefix) &&
			(m.Key > r.AfterKey || m.Key == r.AfterKey && r.AfterUploadID != "" && m.UploadID > r.AfterUploadID) {
			out.Uploads = append(out.Uploads, m.Multipart)
		}
	}
	slices.SortFunc(out.Uploads, func(a, b uploadv1.Multipart) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.UploadID, b.UploadID))
	})
	if len(out.Uploads) > r.Limit {
		out.Uploads, out.More = out.Uploads[:r.Limit], true
	}
	return out, nil
}
