package core

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

const (
	plikHead  = 32 << 10 // bytes that are read before the store is asked: a file within them needs no reservation
	plikSniff = 512      // bytes that the type of a content is told by (plik-wire.md 7.3)
)

// PlikPut is a file on its way into a temporary upload.
type PlikPut struct {
	FileID string // empty: a new entry
	Name   string // as the body says
	// Body ends with io.EOF only when all of the request is there.
	Body   io.Reader
	Origin objectv1.Origin
	// Interrupt and Gone are those of transfer.StreamBody.
	Interrupt func()
	Gone      func() bool
}

// AdmitPlik decides whether the caller may send a file, before the body is looked
// at: it is the upload's admin, and with a fileID there is an entry of this name.
// Codes: those of PlikWithFiles, upload.plik_forbidden, upload.plik_file_not_found,
// upload.plik_name.
func (c *Core) AdmitPlik(ctx context.Context, by PlikBy, uploadID, fileID, name string) (uploadv1.PlikUpload, error) {
	if fileID != "" {
		f, err := c.plikFile(ctx, by, uploadID, fileID)
		if err == nil && f.Upload.Admin && f.File.Name != name {
			return uploadv1.PlikUpload{}, uploadv1.ErrPlikName
		}
		if err == nil && f.Upload.Admin {
			return f.Upload, nil
		}
		if err != nil && !errors.Is(err, uploadv1.ErrPlikFileNotFound) {
			return uploadv1.PlikUpload{}, err
		}
	}
	u, err := c.PlikUpload(ctx, by, uploadID)
	switch {
	case err != nil:
		return uploadv1.PlikUpload{}, err
	case !u.Admin:
		return uploadv1.PlikUpload{}, uploadv1.ErrPlikForbidden.Msgf("you are not allowed to add file to this upload")
	case fileID != "":
		return uploadv1.PlikUpload{}, uploadv1.ErrPlikFileNotFound.Msgf("file %s not found", fileID)
	}
	return u, nil
}

// PutPlik takes a file into an upload that AdmitPlik gave: into the store, or of a
// stream to whoever asks for it. Whatever fails behind the beginning, the entry is
// deleted then. Codes: those of uploadv1.PlikService.BeginPlik and FinishPlik,
// edge.plik_refused.
func (c *Core) PutPlik(ctx context.Context, by PlikBy, u uploadv1.PlikUpload, in PlikPut) (uploadv1.PlikFile, error) {
	if why := plikName(in.Name); why != "" && in.FileID == "" {
		return uploadv1.PlikFile{}, ErrPlikRefused.Msgf("unable to create file : %s", why)
	}
	in.Body = &bounded{r: in.Body, limit: c.PlikFileLimit(by.Caller)}
	begin := uploadv1.BeginPlikRequest{
		Caller: by.caller(), UploadID: u.ID, FileID: in.FileID, Name: in.Name, MaxEntries: c.Plik.MaxFilePerUpload, GuestLimits: c.plikGuestLimits(),
	}
	if u.Stream {
		return c.streamPlik(ctx, begin, in)
	}
	lease, err := c.Pliks.BeginPlik(ctx, begin)
	if err != nil {
		return uploadv1.PlikFile{}, fmt.Errorf("beginning a file of a temporary upload: %w", err)
	}
	during, hold := c.holdPlik(ctx, lease)
	f, err := c.storePlik(during, by, hold, in)
	if err != nil {
		hold.end(ctx)
		return uploadv1.PlikFile{}, c.plikPutFault(by, lease, err)
	}
	hold.release()
	return f, nil
}

// storePlik makes the file an object, and then readable.
func (c *Core) storePlik(ctx context.Context, by PlikBy, hold *plikHold, in PlikPut) (uploadv1.PlikFile, error) {
	head := make([]byte, plikHead)
	n, err := io.ReadFull(in.Body, head)
	put := transfer.Put{
		Principal: hold.lease.Object.Owner, Bucket: objectv1.PlikBucket, Key: hold.lease.Object.Key, Size: -1,
		Body: io.MultiReader(bytes.NewReader(head[:n]), in.Body), Origin: in.Origin, Keep: []blob.Algorithm{blob.MD5},
	}
	switch {
	case err == io.EOF, err == io.ErrUnexpectedEOF: //nolint:errorlint // ReadFull's own; a body that broke off wraps its
		put.Size, put.Body = int64(n), bytes.NewReader(head[:n])
	case err != nil:
		return uploadv1.PlikFile{}, fmt.Errorf("receiving a file of a temporary upload: %w", err)
	}
	put.Metadata.ContentType = sniff(head[:n])
	res, err := c.Transfer.Put(ctx, put)
	if err != nil {
		return uploadv1.PlikFile{}, err //nolint:wrapcheck // it says what was being done
	}
	faultpoint.Hit("edge.plik.stored")
	return hold.finish(ctx, uploadv1.FinishPlikRequest{
		VersionID: res.VersionID, Size: res.Size, MD5: hex.EncodeToString(res.Digests[blob.MD5]), Type: put.Metadata.ContentType,
		UserSize: c.plikUserLimit(by.Caller),
	})
}

// sniff tells a content's type by its beginning; nothing has none.
func sniff(head []byte) string {
	if len(head) == 0 {
		return ""
	}
	return http.DetectContentType(head[:min(len(head), plikSniff)])
}

// plikPutFault words what stopped a file on its way in.
func (c *Core) plikPutFault(by PlikBy, lease uploadv1.PlikLeased, err error) error {
	owner := lease.Object.Owner.Limits
	switch {
	case errors.Is(err, objectv1.ErrTooLarge), errors.Is(err, blob.ErrTooLarge):
		return errPlikTooBig(lower(c.PlikFileLimit(by.Caller), owner.ObjectBytes))
	case errors.Is(err, objectv1.ErrQuotaExceeded):
		return uploadv1.ErrPlikUserSize.Msgf("%s", plikUserSize(owner.StorageBytes)).Because(err)
	case isPlikUserSize(err):
		return uploadv1.ErrPlikUserSize.Msgf("%s", plikUserSize(c.plikUserLimit(by.Caller))).Because(err)
	}
	return err
}

func isPlikUserSize(err error) bool { return errors.Is(err, uploadv1.ErrPlikUserSize) }

func plikUserSize(limit int64) string {
	return fmt.Sprintf("maximum user upload size reached. (%s)", PlikBytes(limit))
}

// bounded gives a body up that is longer than it may be.
type bounded struct {
	r     io.Reader
	limit int64 // bytes; 0: no bound
	taken int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.limit <= 0 {
		return b.r.Read(p) //nolint:wrapcheck // the io contract wants it as it is
	}
	// One byte more than may be: it tells that there is one.
	if left := b.limit + 1 - b.taken; int64(len(p)) > left {
		p = p[:left]
	}
	n, err := b.r.Read(p)
	b.taken += int64(n)
	if b.taken > b.limit {
		return n, errPlikTooBig(b.limit)
	}
	return n, err //nolint:wrapcheck // as above
}
