package domain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// copying is a draft's content: that of another version.
type copying struct {
	from, to Bucket
	r        objectv1.CopyObjectRequest
	keeps    bool // the file's time of modification
	node     Node // the source, where it is a file that is known already
}

// CopyObject makes a version that shares the content of another one.
func (s *Service) CopyObject(ctx context.Context, r objectv1.CopyObjectRequest) (objectv1.Object, error) {
	none := objectv1.Object{}
	if err := errors.Join(objectv1.CheckKey(r.SourceKey), objectv1.CheckKey(r.Key)); err != nil {
		return none, objectv1.ErrInvalidKey
	}
	from, _, err := s.authorize(ctx, r.Principal, r.SourceBucket, objectv1.ActionGetObject, r.SourceKey)
	if err != nil {
		return none, err
	}
	to, _, err := s.authorize(ctx, r.Principal, r.Bucket, objectv1.ActionPutObject, r.Key)
	if err != nil {
		return none, err
	}
	till, err := s.copyLease(r.VersionID)
	if err != nil {
		return none, err
	}
	if r.Metadata != nil {
		own := *r.Metadata
		own.Tags = nil
		if err := checkMetadata(own); err != nil {
			return none, err
		}
	}
	if err := s.admit(); err != nil {
		return none, err
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	c := &copying{from: from, to: to, r: r, keeps: from.isDrive() && to.isDrive()}
	file, err := s.filingOfCopy(ctx, c)
	if err != nil {
		return none, err
	}
	d := draft{
		v:      Version{ID: r.VersionID, Account: to.Account, Bucket: to.ID, Key: r.Key, Live: to.ID},
		ticket: objectv1.Ticket{VersionID: r.VersionID, LeaseTill: till}, conditions: r.Conditions,
		limit: r.Principal.Limits.StorageBytes, actor: actorOf(r.Principal, r.Origin), operation: objectv1.OperationCopy,
		bucket: to, copy: c, file: file,
	}
	v, err := s.commit(ctx, d)
	if err != nil {
		s.unplace(ctx, file)
		return none, err
	}
	if err := s.answered(ctx, d, v); err != nil {
		return none, err
	}
	m, err := s.manifestOf(ctx, v)
	return d.view(v, m), err
}

// filingOfCopy is where a copy goes in a drive; nil in an ordinary bucket. A file
// that it makes is where its source is, so that no byte has to move.
func (s *Service) filingOfCopy(ctx context.Context, c *copying) (*filing, error) {
	if !c.to.isDrive() {
		return nil, nil
	}
	o := objectv1.FileOptions{Parents: true}
	names, err := s.checkFile(c.to.Account, c.r.Key, o)
	if err != nil {
		return nil, err
	}
	from, _, err := s.source(ctx, c)
	if errors.Is(err, objectv1.ErrNotFound) {
		if _, verr := s.st.Versions.Get(ctx, c.r.VersionID); verr == nil {
			err = nil // it was copied before, and went then
		}
	}
	if err != nil {
		return nil, err
	}
	c.to.Region = from.Region
	return &filing{account: c.to.Account, names: names, id: newNodeID(), region: from.Region, version: c.r.VersionID, o: o}, nil
}

// source is the source's bucket, with the region of the source itself, and its key there.
func (s *Service) source(ctx context.Context, c *copying) (Bucket, string, error) {
	if c.node.ID != "" {
		from := c.from
		from.Region = c.node.Region
		return from, c.node.ID, nil
	}
	key, region, err := s.keyIn(ctx, c.from, c.r.SourceKey, c.r.SourceVersionID)
	from := c.from
	from.Region = region
	return from, key, err
}

// keyIn is the key of what a caller names by key and version, and its region: in a
// drive the id of the file that readers see at the path.
func (s *Service) keyIn(ctx context.Context, b Bucket, key, version string) (string, string, error) {
	if !b.isDrive() {
		return key, b.Region, nil
	}
	if version != "" {
		return "", "", objectv1.ErrNotInDrive
	}
	n, _, err := s.fileAt(ctx, b.Account, key)
	return n.ID, n.Region, err
}

// copyLease is until when a copy may be made under an id of the caller's.
func (s *Service) copyLease(version string) (time.Time, error) {
	id, err := ulid.ParseStrict(version)
	if err != nil || id.String() != version || ulid.Time(id.Time()).After(s.now().Add(orphanAfter)) {
		return time.Time{}, fault.ErrInvalid.Msgf("%.40q is no fresh version id", version)
	}
	return ulid.Time(id.Time()).UTC().Add(TicketLife), nil
}

// manifestOf gives the manifest of a version that was committed. Of one that was
// removed since, only the size is left.
func (s *Service) manifestOf(ctx context.Context, v Version) (blob.Manifest, error) {
	c, err := s.st.Contents.Get(ctx, v.Content)
	if errors.Is(err, ErrNoDocument) {
		return blob.Manifest{Size: v.Size}, nil
	}
	if err != nil {
		return blob.Manifest{}, fmt.Errorf("reading the content: %w", err)
	}
	return c.Manifest, nil
}

// share finds the source, decides its conditions, and holds its content for v
// under a name of this attempt alone. The content's document decides: as long as
// it stands its bytes do, and when it is gone so is the source.
func (s *Service) share(ctx context.Context, c *copying, v *Version) error {
	for range casAttempts {
		from, key, err := s.source(ctx, c)
		if err != nil {
			return err
		}
		src, err := s.found(ctx, from, key, c.r.SourceVersionID)
		if errors.Is(err, objectv1.ErrDeleteMarker) {
			return objectv1.ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := c.allowed(src, from.Region); err != nil {
			return err
		}
		c.fill(v, src, s.now())
		err = s.st.Contents.Hold(ctx, src.Content, v.Hold, s.now().Add(orphanAfter))
		if errors.Is(err, ErrNoDocument) {
			continue // removed in between: perhaps another one follows it
		}
		if err != nil {
			return fmt.Errorf("holding the source's content: %w", err)
		}
		faultpoint.Hit("object.copy.held")
		return nil
	}
	return errBusy
}

// allowed decides what a copy asks of its source.
func (c *copying) allowed(src Version, region string) error {
	if err := checkSource(c.r.SourceConditions, src); err != nil {
		return err
	}
	if region != c.to.Region {
		return objectv1.ErrOtherRegion
	}
	if most := c.r.Principal.Limits.ObjectBytes; most > 0 && src.Size > most {
		return objectv1.ErrTooLarge
	}
	return nil
}

// fill makes v a copy of src: all that describes its bytes, and its tags.
// Retention and legal hold are the destination's own.
func (c *copying) fill(v *Version, src Version, now time.Time) {
	v.Size, v.ETag, v.Digests, v.Composite = src.Size, src.ETag, src.Digests, src.Composite
	v.Compressed, v.StorageClass, v.Content = src.Compressed, src.StorageClass, src.Content
	v.Metadata = src.Metadata
	if c.r.Metadata != nil {
		v.Metadata = *c.r.Metadata
		v.Metadata.Tags = src.Metadata.Tags
	}
	v.Retention = c.to.retention(now)
	if c.keeps {
		t := src.modTime()
		v.ModTime = &t
	}
	v.Hold = "v" + v.ID + "_" + v.Owner
}

// checkSource decides the conditions on the source in the order of RFC 9110,
// 13.2.2. Times are compared as HTTP writes them, to the second.
func checkSource(c objectv1.SourceConditions, src Version) error {
	changed := src.CreatedAt.Truncate(time.Second)
	has := func(tags []string) bool { return slices.Contains(tags, "*") || slices.Contains(tags, src.ETag) }
	switch {
	case len(c.IfMatch) > 0:
		if !has(c.IfMatch) {
			return objectv1.ErrPrecondition.Msgf("the source has another entity tag")
		}
	case c.IfUnmodifiedSince != nil && changed.After(*c.IfUnmodifiedSince):
		return objectv1.ErrPrecondition.Msgf("the source was modified since")
	}
	switch {
	case len(c.IfNoneMatch) > 0:
		if has(c.IfNoneMatch) {
			return objectv1.ErrPrecondition.Msgf("the source has this entity tag")
		}
	case c.IfModifiedSince != nil && !changed.After(*c.IfModifiedSince):
		return objectv1.ErrPrecondition.Msgf("the source was not modified since")
	}
	return nil
}
