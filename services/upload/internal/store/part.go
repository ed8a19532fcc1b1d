package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

// part is a part as it is stored; its id is the upload's and the number, so that
// a scan by id gives an upload's parts in order.
type part struct {
	Number     int                       `bson:"number"`
	ContentID  string                    `bson:"content_id"`
	ETag       string                    `bson:"etag"`
	Size       int64                     `bson:"size"`
	Digests    map[blob.Algorithm][]byte `bson:"digests"`
	Compressed bool                      `bson:"compressed,omitempty"`
	At         time.Time                 `bson:"at"`
	Old        []string                  `bson:"old,omitempty"`
	Past       []string                  `bson:"past,omitempty"`
}

// plan is a plan as it is stored; its id begins with the upload's. The answer is
// kept in the contract's own JSON, since it is only ever given back.
type plan struct {
	Upload     string                    `bson:"upload"`
	List       []byte                    `bson:"list"`
	Contents   []string                  `bson:"contents"`
	ETag       string                    `bson:"etag"`
	Digests    map[blob.Algorithm][]byte `bson:"digests"`
	Composite  []blob.Algorithm          `bson:"composite"`
	Compressed bool                      `bson:"compressed,omitempty"`
	Answer     []byte                    `bson:"answer,omitempty"`
}

func partID(upload string, number int) string { return fmt.Sprintf("%s/%05d", upload, number) }

// PutPart implements domain.MultipartStore.
func (s *Multiparts) PutPart(ctx context.Context, upload string, number int, change func(*domain.Part, bool)) (domain.Part, error) {
	d, err := s.parts.Upsert(ctx, partID(upload, number), func(r *part, exists bool) ([]docstore.Message, error) {
		p := fromPart(upload, *r)
		before := p.ContentID
		change(&p, exists)
		if exists && p.ContentID == before {
			return nil, docstore.Unchanged
		}
		*r = toPart(p)
		return nil, nil
	})
	if err != nil {
		return domain.Part{}, err
	}
	return fromPart(upload, d.Value), nil
}

// TrimPart implements domain.MultipartStore.
func (s *Multiparts) TrimPart(ctx context.Context, upload string, number int, contents []string) error {
	_, err := s.parts.Update(ctx, partID(upload, number), func(r *part) ([]docstore.Message, error) {
		r.Old = slices.DeleteFunc(r.Old, func(id string) bool { return slices.Contains(contents, id) })
		for _, id := range contents {
			if !slices.Contains(r.Past, id) {
				r.Past = append(r.Past, id)
			}
		}
		r.Past = r.Past[max(len(r.Past)-domain.MaxPast, 0):]
		return nil, nil
	})
	return gone(err)
}

// Part implements domain.MultipartStore.
func (s *Multiparts) Part(ctx context.Context, upload string, number int) (domain.Part, error) {
	d, err := s.parts.Get(ctx, partID(upload, number))
	if err != nil {
		return domain.Part{}, missing(err)
	}
	return fromPart(upload, d.Value), nil
}

// Parts implements domain.MultipartStore.
func (s *Multiparts) Parts(ctx context.Context, upload string, after, limit int) ([]domain.Part, bool, error) {
	p, err := s.parts.Scan(ctx, docstore.Query{From: partID(upload, after), FromExclusive: true, To: upload + "/:", Limit: limit})
	if err != nil {
		return nil, false, err
	}
	out := make([]domain.Part, len(p.Docs))
	for n, d := range p.Docs {
		out[n] = fromPart(upload, d.Value)
	}
	return out, p.Next != "", nil
}

// DeletePart implements domain.MultipartStore.
func (s *Multiparts) DeletePart(ctx context.Context, upload string, number int) error {
	return gone(s.parts.Delete(ctx, partID(upload, number), docstore.DeleteOptions{}))
}

// InsertPlan implements domain.MultipartStore.
func (s *Multiparts) InsertPlan(ctx context.Context, p domain.Plan) error {
	_, err := s.plans.Insert(ctx, p.ID, plan{
		Upload: p.Upload, List: p.List, Contents: p.Contents, ETag: p.ETag, Digests: p.Digests, Composite: p.Composite, Compressed: p.Compressed,
	})
	return err
}

// Plan implements domain.MultipartStore.
func (s *Multiparts) Plan(ctx context.Context, id string) (domain.Plan, error) {
	d, err := s.plans.Get(ctx, id)
	if err != nil {
		return domain.Plan{}, missing(err)
	}
	return fromPlan(id, d.Value)
}

// AnswerPlan implements domain.MultipartStore.
func (s *Multiparts) AnswerPlan(ctx context.Context, id string, answer objectv1.Object) (domain.Plan, error) {
	b, err := json.Marshal(answer)
	if err != nil {
		return domain.Plan{}, fmt.Errorf("encoding an answer: %w", err)
	}
	d, err := s.plans.Update(ctx, id, func(r *plan) ([]docstore.Message, error) {
		if r.Answer != nil {
			return nil, docstore.Unchanged
		}
		r.Answer = b
		return nil, nil
	})
	if err != nil {
		return domain.Plan{}, missing(err)
	}
	return fromPlan(id, d.Value)
}

// DeletePlan implements domain.MultipartStore.
func (s *Multiparts) DeletePlan(ctx context.Context, id string) error {
	return gone(s.plans.Delete(ctx, id, docstore.DeleteOptions{}))
}

// DeletePlans implements domain.MultipartStore.
func (s *Multiparts) DeletePlans(ctx context.Context, upload string) error {
	for {
		p, err := s.plans.Scan(ctx, docstore.Query{From: upload + "/", To: upload + "0", ToExclusive: true, Limit: 8})
		if err != nil {
			return err
		}
		var errs []error
		for _, d := range p.Docs {
			errs = append(errs, s.DeletePlan(ctx, d.ID))
		}
		if err := errors.Join(errs...); err != nil || p.Next == "" {
			return err
		}
	}
}

func toPart(p domain.Part) part {
	return part{
		Number: p.Number, ContentID: p.ContentID, ETag: p.ETag, Size: p.Size, Digests: p.Digests, Compressed: p.Compressed, At: p.At, Old: p.Old, Past: p.Past,
	}
}

func fromPart(upload string, r part) domain.Part {
	return domain.Part{
		Upload: upload, Number: r.Number, ContentID: r.ContentID, ETag: r.ETag, Size: r.Size, Digests: r.Digests, Compressed: r.Compressed,
		At: r.At.UTC(), Old: r.Old, Past: r.Past,
	}
}

func fromPlan(id string, r plan) (domain.Plan, error) {
	p := domain.Plan{
		ID: id, Upload: r.Upload, List: r.List, Contents: r.Contents, ETag: r.ETag, Digests: r.Digests, Composite: r.Composite, Compressed: r.Compressed,
	}
	if r.Answer != nil {
		p.Answer = &objectv1.Object{}
		if err := json.Unmarshal(r.Answer, p.Answer); err != nil {
			return p, fmt.Errorf("decoding an answer: %w", err)
		}
	}
	return p, nil
}
