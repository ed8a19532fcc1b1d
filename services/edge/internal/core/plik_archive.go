package core

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// plikAhead is how many files of an archive are looked up ahead of the one that is
// sent.
const plikAhead = 8

// OpenPlikArchive decides whether an upload can be downloaded as a whole under a
// name (plik-wire.md 11). Codes: those of PlikWithFiles, edge.plik_refused.
func (c *Core) OpenPlikArchive(ctx context.Context, by PlikBy, uploadID, name, host string) (uploadv1.PlikUpload, error) {
	u, err := c.PlikUpload(ctx, by, uploadID)
	if err != nil {
		return u, err
	}
	if err := c.CheckPlikDomain(host); err != nil {
		return u, err
	}
	switch {
	case u.Stream:
		return u, ErrPlikRefused.Msgf("archive feature is not available in stream mode")
	case !strings.HasSuffix(name, ".zip"):
		return u, ErrPlikRefused.Msgf("invalid archive name, missing .zip extension")
	case len(name) > uploadv1.MaxPlikName:
		return u, ErrPlikRefused.Msgf("archive name is too long, maximum length is %d characters", uploadv1.MaxPlikName)
	}
	return u, nil
}

// SendPlikArchive packs what is uploaded into w, in the order of its making and as
// the bytes come. Nothing is written before the first file is there. Codes:
// edge.plik_refused when there is none.
func (c *Core) SendPlikArchive(ctx context.Context, w io.Writer, by PlikBy, u uploadv1.PlikUpload) error {
	files, err := c.filesOf(ctx, by.caller(), u.ID)
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(f uploadv1.PlikFile) bool { return f.Status != uploadv1.PlikUploaded })
	opened := c.openAhead(ctx, by, files)
	if u.OneShot {
		opened = c.claimEach(ctx, by, u, files)
	}
	z := zip.NewWriter(w)
	empty := true
	for p, err := range opened {
		if err == nil {
			err = c.pack(ctx, z, p)
		}
		if err != nil {
			return fmt.Errorf("packing a temporary upload: %w", err)
		}
		empty = false
	}
	if empty {
		return ErrPlikRefused.Msgf("nothing to archive")
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("finishing an archive: %w", err)
	}
	return nil
}

// packing is a file that is to be packed.
type packing struct {
	file     uploadv1.PlikFile
	manifest blob.Manifest
}

func (c *Core) pack(ctx context.Context, z *zip.Writer, p packing) error {
	rd, err := c.Transfer.Blobs.Reader(ctx, p.manifest, 0, p.manifest.Size)
	if err != nil {
		return fmt.Errorf("opening a content: %w", err)
	}
	defer rd.Close() //nolint:errcheck // only fetches end; the bytes are out or their error is told
	to, err := z.CreateHeader(&zip.FileHeader{Name: p.file.Name, Method: zip.Deflate, Modified: p.file.CreatedAt})
	if err != nil {
		return fmt.Errorf("beginning an entry: %w", err)
	}
	if _, err := rd.WriteTo(to); err != nil {
		return fmt.Errorf("sending a content: %w", err)
	}
	return nil
}

// packings is what is to be packed, one after the other; it ends with its first
// error.
type packings = iter.Seq2[packing, error]

// openAhead looks up where the bytes are, of a few files at once ahead of the one
// that is sent. What was removed meanwhile is left out.
func (c *Core) openAhead(ctx context.Context, by PlikBy, files []uploadv1.PlikFile) packings {
	type found struct {
		packing
		err error
	}
	return func(yield func(packing, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var looking sync.WaitGroup
		defer looking.Wait()
		defer cancel()
		next := make(chan chan found, plikAhead) // in the order of the files
		looking.Go(func() {
			defer close(next)
			for _, f := range files {
				slot := make(chan found, 1)
				select {
				case next <- slot:
				case <-ctx.Done():
					return
				}
				looking.Go(func() {
					p, err := c.lookUp(ctx, by, f)
					slot <- found{p, err}
				})
			}
		})
		for slot := range next {
			p := <-slot
			if errors.Is(p.err, uploadv1.ErrPlikNotAvailable) {
				continue
			}
			if !yield(p.packing, p.err) || p.err != nil {
				return
			}
		}
	}
}

func (c *Core) lookUp(ctx context.Context, by PlikBy, f uploadv1.PlikFile) (packing, error) {
	r, err := c.plikFile(ctx, by, f.UploadID, f.ID)
	switch {
	case err != nil:
		return packing{}, err
	case r.File.Status != uploadv1.PlikUploaded:
		return packing{}, notAvailable(r.File, r.File.Status)
	}
	o, err := c.plikObject(ctx, r)
	return packing{r.File, o.Manifest}, err
}

// claimEach claims each file of a one-shot upload before its first byte. It is not
// looked ahead: what is claimed is gone, and those that others have are left out.
func (c *Core) claimEach(ctx context.Context, by PlikBy, u uploadv1.PlikUpload, files []uploadv1.PlikFile) packings {
	return func(yield func(packing, error) bool) {
		for _, f := range files {
			lease, err := c.claimPlik(ctx, by, uploadv1.PlikFileResponse{Upload: u, File: f})
			if errors.Is(err, uploadv1.ErrPlikNotAvailable) || errors.Is(err, uploadv1.ErrPlikFileNotFound) {
				continue
			}
			if err != nil {
				yield(packing{}, err)
				return
			}
			if !c.packClaimed(ctx, lease, yield) {
				return
			}
		}
	}
}

// packClaimed hands a claimed file on and deletes it behind; false: that is the end.
func (c *Core) packClaimed(ctx context.Context, lease uploadv1.PlikLeased, yield func(packing, error) bool) bool {
	_, hold := c.holdPlik(ctx, lease)
	defer hold.end(ctx)
	o, err := c.plikObject(ctx, lease.PlikFileResponse)
	return yield(packing{lease.File, o.Manifest}, err) && err == nil
}
