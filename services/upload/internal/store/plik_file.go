package store

import (
	"context"
	"time"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

const indexOrder = "order"

// plikFile is a file of a temporary upload as it is stored, under the ids of both.
type plikFile struct {
	Upload    string    `bson:"upload"`
	ID        string    `bson:"id"`
	Account   string    `bson:"account"`
	Index     int       `bson:"index"`
	Name      string    `bson:"name"`
	Status    string    `bson:"status"`
	MD5       string    `bson:"md5,omitempty"`
	Type      string    `bson:"type,omitempty"`
	Size      int64     `bson:"size"`
	Reference string    `bson:"reference,omitempty"`
	CreatedAt time.Time `bson:"created_at"`
	Stream    bool      `bson:"stream,omitempty"`

	Fence     string    `bson:"fence,omitempty"`
	LeaseTill time.Time `bson:"lease_till,omitempty"`
	Relay     string    `bson:"relay,omitempty"`
	Done      bool      `bson:"done,omitempty"`
	Over      int64     `bson:"over,omitempty"`
	Claim     string    `bson:"claim,omitempty"`
	ClaimTill time.Time `bson:"claim_till,omitempty"`
	Read      bool      `bson:"read,omitempty"`
	LateAt    time.Time `bson:"late_at,omitempty"`
	DueAt     time.Time `bson:"due_at,omitempty"`

	Leased *bool `bson:"leased,omitempty"` // there while somebody has a lease
}

// plikFileID names the document of a file. An id from outside may be of any
// length; those of files are short.
func plikFileID(upload, id string) string { return upload + "/" + id[:min(len(id), 64)] }

// InsertPlikFile implements domain.PlikStore.
func (s *Pliks) InsertPlikFile(ctx context.Context, f domain.PlikFile) error {
	_, err := s.files.Insert(ctx, plikFileID(f.Upload, f.ID), toPlikFile(f))
	return taken(err)
}

// PlikFile implements domain.PlikStore.
func (s *Pliks) PlikFile(ctx context.Context, upload, id string) (domain.PlikFile, error) {
	d, err := s.files.Get(ctx, plikFileID(upload, id))
	if err != nil {
		return domain.PlikFile{}, missing(err)
	}
	return fromPlikFile(d.Value), nil
}

// UpdatePlikFile implements domain.PlikStore.
func (s *Pliks) UpdatePlikFile(ctx context.Context, upload, id string, change func(*domain.PlikFile) error) (domain.PlikFile, error) {
	var out domain.PlikFile
	_, err := s.files.Update(ctx, plikFileID(upload, id), func(r *plikFile) ([]docstore.Message, error) {
		out = fromPlikFile(*r)
		err := change(&out)
		*r = toPlikFile(out)
		return nil, err
	})
	if err != nil {
		return domain.PlikFile{}, missing(err)
	}
	return out, nil
}

// DeletePlikFile implements domain.PlikStore.
func (s *Pliks) DeletePlikFile(ctx context.Context, upload, id string) error {
	return gone(s.files.Delete(ctx, plikFileID(upload, id), docstore.DeleteOptions{}))
}

// PlikFiles implements domain.PlikStore.
func (s *Pliks) PlikFiles(ctx context.Context, upload string, from, limit int) ([]domain.PlikFile, error) {
	p, err := s.files.Scan(ctx, docstore.Query{Index: indexOrder, Equal: []any{upload}, From: from, Limit: limit})
	if err != nil {
		return nil, err
	}
	return fromPlikFiles(p.Docs), nil
}

// DuePlikFiles implements domain.PlikStore.
func (s *Pliks) DuePlikFiles(ctx context.Context, by time.Time, limit int) ([]domain.PlikFile, error) {
	p, err := s.files.Scan(ctx, docstore.Query{Index: indexDue, To: by, Limit: limit})
	if err != nil {
		return nil, err
	}
	return fromPlikFiles(p.Docs), nil
}

// CountLeases implements domain.PlikStore.
func (s *Pliks) CountLeases(ctx context.Context) (int64, error) {
	return s.files.Count(ctx, docstore.Query{Index: indexOpen})
}

func toPlikFile(f domain.PlikFile) plikFile {
	r := plikFile{
		Upload: f.Upload, ID: f.ID, Account: f.Account, Index: f.Index, Name: f.Name, Status: string(f.Status), MD5: f.MD5, Type: f.Type, Size: f.Size,
		Reference: f.Reference, CreatedAt: f.CreatedAt, Stream: f.Stream, Fence: f.Fence, LeaseTill: f.LeaseTill, Relay: f.Relay, Done: f.Done,
		Over: f.Over, Claim: f.Claim, ClaimTill: f.ClaimTill, Read: f.Read, LateAt: f.LateAt, DueAt: f.DueAt,
	}
	if leased := f.Status == uploadv1.PlikUploading || f.Claim != "" && f.Status == uploadv1.PlikRemoved; leased {
		r.Leased = &leased
	}
	return r
}

func fromPlikFile(r plikFile) domain.PlikFile {
	return domain.PlikFile{
		Upload: r.Upload, ID: r.ID, Account: r.Account, Index: r.Index, Name: r.Name, Status: uploadv1.PlikStatus(r.Status), MD5: r.MD5, Type: r.Type,
		Size: r.Size, Reference: r.Reference, CreatedAt: r.CreatedAt.UTC(), Stream: r.Stream, Fence: r.Fence, LeaseTill: utc(r.LeaseTill), Relay: r.Relay,
		Done: r.Done, Over: r.Over, Claim: r.Claim, ClaimTill: utc(r.ClaimTill), Read: r.Read, LateAt: utc(r.LateAt), DueAt: utc(r.DueAt),
	}
}

func fromPlikFiles(docs []docstore.Doc[plikFile]) []domain.PlikFile {
	out := make([]domain.PlikFile, len(docs))
	for i, d := range docs {
		out[i] = fromPlikFile(d.Value)
	}
	return out
}
