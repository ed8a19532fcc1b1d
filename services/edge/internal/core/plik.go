package core

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// PlikBy is who asks for something about a temporary upload, and what the request
// presents beside (uploadv1.PlikCaller).
type PlikBy struct {
	Caller
	UploadToken   string
	Authorization string
	Source        string
}

func (b PlikBy) caller() uploadv1.PlikCaller {
	return uploadv1.PlikCaller{
		Principal: b.Principal, TokenID: b.UploadTokenID, UploadToken: b.UploadToken, Authorization: b.Authorization, Source: b.Source,
	}
}

// ErrPlikRefused is of an upload or a file that the settings do not allow, in
// the words of plik-wire.md 5 to 7.
var ErrPlikRefused = fault.New(fault.Invalid, "edge.plik_refused", "the settings do not allow this upload")

// PlikFileLimit is how long a file of the caller's may be, bytes; 0: no bound. An
// account's own limit counts before the server's, and its plan below both.
func (c *Core) PlikFileLimit(by Caller) int64 {
	limit := by.Plik.MaxFileSize
	if limit == 0 {
		limit = int64(c.Plik.MaxFileSize)
	}
	if by.Guest() {
		return max(limit, 0)
	}
	return lower(limit, by.Principal.Limits.ObjectBytes)
}

// lower gives the lower of two bounds of which one that is not positive is none.
func lower(a, b int64) int64 {
	switch {
	case a <= 0:
		return max(b, 0)
	case b <= 0:
		return a
	}
	return min(a, b)
}

// plikUserLimit is what all of the caller's temporary uploads may have together,
// bytes; 0: no bound. Nobody's have none.
func (c *Core) plikUserLimit(by Caller) int64 {
	limit := by.Plik.MaxUserSize
	if limit == 0 {
		limit = c.Plik.MaxUserSize
	}
	if by.Guest() {
		return 0
	}
	return max(limit, 0)
}

// plikGuestLimits are those of the account that nobody's uploads belong to.
func (c *Core) plikGuestLimits() authv1.Limits {
	return authv1.Limits{ObjectBytes: max(int64(c.Plik.MaxFileSize), 0), StorageBytes: c.Guests.StorageBytes}
}

func errPlikTooBig(limit int64) error {
	return ErrPlikRefused.Msgf("file too big (limit is set to %s)", PlikBytes(limit))
}

// PlikBytes writes a size as Plik does: decimal units, one digit behind the point
// below ten of them.
func PlikBytes(n int64) string {
	return humanize.Bytes(uint64(max(n, 0))) //nolint:gosec // it is not negative
}

// PlikWithFiles reads a temporary upload with its files. Codes: upload.plik_not_found,
// upload.plik_expired, upload.plik_credentials.
func (c *Core) PlikWithFiles(ctx context.Context, by PlikBy, uploadID string) (uploadv1.PlikWithFiles, error) {
	u, err := c.PlikUpload(ctx, by, uploadID)
	if err != nil {
		return uploadv1.PlikWithFiles{}, err
	}
	files, err := c.filesOf(ctx, by.caller(), uploadID)
	if err != nil {
		return uploadv1.PlikWithFiles{}, err
	}
	return uploadv1.PlikWithFiles{Upload: u, Files: files}, nil
}

// PlikUpload reads a temporary upload alone. Codes: those of PlikWithFiles.
func (c *Core) PlikUpload(ctx context.Context, by PlikBy, uploadID string) (uploadv1.PlikUpload, error) {
	u, err := c.Pliks.GetPlik(ctx, uploadv1.PlikRequest{Caller: by.caller(), UploadID: uploadID})
	if err != nil {
		return uploadv1.PlikUpload{}, fmt.Errorf("reading a temporary upload: %w", err)
	}
	return u, nil
}

// RemovePlik ends a temporary upload. Codes: those of PlikWithFiles, upload.plik_forbidden.
func (c *Core) RemovePlik(ctx context.Context, by PlikBy, uploadID string) error {
	if _, err := c.Pliks.RemovePlik(ctx, uploadv1.PlikRequest{Caller: by.caller(), UploadID: uploadID}); err != nil {
		return fmt.Errorf("removing a temporary upload: %w", err)
	}
	return nil
}

// RemovePlikFile deletes the content of a file that has this name. Codes: those of
// PlikWithFiles, upload.plik_file_not_found, upload.plik_name, upload.plik_forbidden.
func (c *Core) RemovePlikFile(ctx context.Context, by PlikBy, uploadID, fileID, name string) error {
	f, err := c.plikFile(ctx, by, uploadID, fileID)
	switch {
	case err != nil:
		return err
	case !f.Upload.Admin && !f.Upload.Removable:
		return uploadv1.ErrPlikForbidden.Msgf("you are not allowed to remove files from this upload")
	case f.File.Name != name:
		return uploadv1.ErrPlikName
	}
	if _, err := c.Pliks.RemovePlikFile(ctx, uploadv1.PlikFileRequest{Caller: by.caller(), UploadID: uploadID, FileID: fileID}); err != nil {
		return fmt.Errorf("removing a file of a temporary upload: %w", err)
	}
	return nil
}

func (c *Core) plikFile(ctx context.Context, by PlikBy, uploadID, fileID string) (uploadv1.PlikFileResponse, error) {
	f, err := c.Pliks.GetPlikFile(ctx, uploadv1.PlikFileRequest{Caller: by.caller(), UploadID: uploadID, FileID: fileID})
	if err != nil {
		return uploadv1.PlikFileResponse{}, fmt.Errorf("reading a file of a temporary upload: %w", err)
	}
	return f, nil
}

// plikHold is a lease on a file of a temporary upload that is kept while bytes
// move.
type plikHold struct {
	pliks   uploadv1.PlikService
	lease   uploadv1.PlikLeased
	stop    context.CancelFunc
	stopped chan struct{}
}

// holdPlik keeps a lease until end or release. The context that it gives ends
// with uploadv1.ErrPlikLost as its cause when the file was removed meanwhile.
// The lease does not end with ctx: what is received is still to be stored.
func (c *Core) holdPlik(ctx context.Context, lease uploadv1.PlikLeased) (context.Context, *plikHold) {
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	ctx, lost := context.WithCancelCause(ctx)
	h := &plikHold{pliks: c.Pliks, lease: lease, stop: stop, stopped: make(chan struct{})}
	go func() {
		defer close(h.stopped)
		defer lost(nil)
		if err := h.keep(keeping); err != nil {
			lost(err)
			<-keeping.Done()
		}
	}()
	return ctx, h
}

// keep gives a sign of life every third of the lease. A service that is away has
// nobody who would take the lease, so its absence is waited out.
func (h *plikHold) keep(ctx context.Context) error {
	t := time.NewTicker(uploadv1.PlikLease / 3)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		_, err := h.pliks.KeepPlik(ctx, uploadv1.KeepPlikRequest{UploadID: h.lease.File.UploadID, FileID: h.lease.File.ID, Fence: h.lease.Fence})
		if errors.Is(err, uploadv1.ErrPlikLost) {
			return fmt.Errorf("keeping a file of a temporary upload: %w", err)
		}
	}
}

// release stops keeping; the file is what it is.
func (h *plikHold) release() {
	h.stop()
	<-h.stopped
}

// end gives the file up: it is deleted, and its bytes. Where upload is away its
// sweep does it.
func (h *plikHold) end(ctx context.Context) {
	h.release()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), plikEndFor)
	defer cancel()
	_, _ = h.pliks.EndPlik(ctx, uploadv1.EndPlikRequest{UploadID: h.lease.File.UploadID, FileID: h.lease.File.ID, Fence: h.lease.Fence})
}

const (
	plikEndFor    = 5 * time.Second
	plikFinishFor = 30 * time.Second // as long as a restart may take
)

// finish says what came in, and waits for a service that restarts: the same again
// gives the same answer.
func (h *plikHold) finish(ctx context.Context, r uploadv1.FinishPlikRequest) (uploadv1.PlikFile, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), plikFinishFor)
	defer cancel()
	r.UploadID, r.FileID, r.Fence = h.lease.File.UploadID, h.lease.File.ID, h.lease.Fence
	f, err := transfer.Insist(ctx, func(ctx context.Context) (uploadv1.PlikFile, error) { return h.pliks.FinishPlik(ctx, r) })
	if err != nil {
		return uploadv1.PlikFile{}, fmt.Errorf("finishing a file of a temporary upload: %w", err)
	}
	return f, nil
}
