package core

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// ErrPlikDomain is of a download by a host that the settings do not name.
var ErrPlikDomain = ErrPlikRefused.Msgf("Invalid download domain")

// CheckPlikDomain refuses downloads by another host than those of the settings
// (plik-wire.md 8.4).
func (c *Core) CheckPlikDomain(host string) error {
	if c.Plik.DownloadDomain == "" {
		return nil
	}
	for _, d := range append([]string{c.Plik.DownloadDomain}, c.Plik.DownloadDomainAlias...) {
		if u, err := url.Parse(d); err == nil && u.Host == host {
			return nil
		}
	}
	return ErrPlikDomain.Msgf("Invalid download domain %s", host)
}

// OpenPlik decides whether a file can be downloaded, in the order of plik-wire.md
// 8.1; it uses nothing up. host is what the request names. Codes: those of
// PlikWithFiles, upload.plik_file_not_found, upload.plik_name,
// upload.plik_not_available, edge.plik_refused.
func (c *Core) OpenPlik(ctx context.Context, by PlikBy, uploadID, fileID, name, host string) (uploadv1.PlikFileResponse, error) {
	f, err := c.plikFile(ctx, by, uploadID, fileID)
	if err != nil {
		return f, err
	}
	if f.File.Name != name {
		return f, uploadv1.ErrPlikName
	}
	if err := c.CheckPlikDomain(host); err != nil {
		return f, err
	}
	want := uploadv1.PlikUploaded
	if f.Upload.Stream {
		want = uploadv1.PlikUploading
	}
	if f.File.Status != want {
		return f, notAvailable(f.File, f.File.Status)
	}
	return f, nil
}

func notAvailable(f uploadv1.PlikFile, status uploadv1.PlikStatus) error {
	return uploadv1.ErrPlikNotAvailable.Msgf("file %s (%s) is not available : %s", f.Name, f.ID, status)
}

// SendPlik answers a GET or HEAD with a file that OpenPlik gave: what is for one
// reader is claimed first, and is gone afterwards, whatever became of the answer.
// Beside OpenPlik's codes it has those of transfer.Engine.Send.
func (c *Core) SendPlik(w http.ResponseWriter, r *http.Request, by PlikBy, f uploadv1.PlikFileResponse) error {
	if f.Upload.Stream {
		return c.sendPlikStream(w, r, by, f)
	}
	o, err := c.plikObject(r.Context(), f)
	if err != nil {
		return err
	}
	src := transfer.Source{ETag: o.ETag, Modified: o.CreatedAt, Type: plikType(f.File.Type), Manifest: o.Manifest}
	switch {
	case f.Upload.OneShot && r.Method != http.MethodHead:
		return c.sendPlikOnce(w, r, by, f, src)
	case !f.Upload.OneShot && asksForPart(r.Header):
		return c.Transfer.Send(w, r, src) //nolint:wrapcheck // it says what was being done
	}
	return c.Transfer.SendWhole(w, r, src) //nolint:wrapcheck // as above
}

// asksForPart reports whether a request wants less than Plik ever gives: only then
// it learns of ranges and tags (plik.md).
func asksForPart(h http.Header) bool {
	return slices.ContainsFunc([]string{"Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range"}, func(name string) bool {
		return len(h.Values(name)) > 0
	})
}

// plikObject is where a file's bytes are. One whose bytes are gone was deleted
// behind OpenPlik.
func (c *Core) plikObject(ctx context.Context, f uploadv1.PlikFileResponse) (objectv1.Object, error) {
	o, err := c.StatObject(ctx, objectv1.StatObjectRequest{Principal: f.Object.Owner, Bucket: objectv1.PlikBucket, Key: f.Object.Key})
	if errors.Is(err, objectv1.ErrNotFound) || errors.Is(err, objectv1.ErrBucketNotFound) || errors.Is(err, objectv1.ErrAccountClosed) {
		return o, notAvailable(f.File, uploadv1.PlikDeleted)
	}
	return o, err
}

// claimPlik takes a file for this reader alone.
func (c *Core) claimPlik(ctx context.Context, by PlikBy, f uploadv1.PlikFileResponse) (uploadv1.PlikLeased, error) {
	l, err := c.Pliks.ClaimPlik(ctx, uploadv1.PlikFileRequest{Caller: by.caller(), UploadID: f.Upload.ID, FileID: f.File.ID})
	if err != nil {
		return uploadv1.PlikLeased{}, fmt.Errorf("claiming a file of a temporary upload: %w", err)
	}
	faultpoint.Hit("edge.plik.claimed")
	return l, nil
}

// sendPlikOnce sends what one reader may have. There is no second chance, also
// when this one breaks off (plik-wire.md 9).
func (c *Core) sendPlikOnce(w http.ResponseWriter, r *http.Request, by PlikBy, f uploadv1.PlikFileResponse, src transfer.Source) error {
	lease, err := c.claimPlik(r.Context(), by, f)
	if err != nil {
		return err
	}
	_, hold := c.holdPlik(r.Context(), lease)
	defer hold.end(r.Context())
	return c.Transfer.SendWhole(w, r, src) //nolint:wrapcheck // it says what was being done
}

// sendPlikStream hands on what an uploader sends. Its headers say what was
// announced: nothing else is known yet (plik-wire.md 10).
func (c *Core) sendPlikStream(w http.ResponseWriter, r *http.Request, by PlikBy, f uploadv1.PlikFileResponse) error {
	begin := func() {
		w.Header().Set("Content-Type", plikType(f.File.Type))
		if f.File.Size > 0 {
			w.Header().Set("Content-Length", strconv.FormatInt(f.File.Size, 10))
		}
	}
	if r.Method == http.MethodHead {
		begin()
		w.WriteHeader(http.StatusOK)
		return nil
	}
	lease, err := c.claimPlik(r.Context(), by, f)
	if err != nil {
		return err
	}
	during, hold := c.holdPlik(r.Context(), lease)
	from, err := c.Relay.Fetch(during, lease.Relay)
	if err != nil {
		hold.end(r.Context())
		if errors.Is(err, transfer.ErrStreamBroken) {
			return notAvailable(f.File, uploadv1.PlikDeleted)
		}
		return err //nolint:wrapcheck // it says what was being done
	}
	defer from.Close()
	begin()
	if _, err := from.WriteTo(w); err != nil {
		hold.end(r.Context())
		return err //nolint:wrapcheck // as above
	}
	hold.release() // what becomes of the entry is the uploader's matter
	return nil
}

// plikType is what a file is served as: never as a page, and nothing that a
// plug-in would run (plik-wire.md 8.2).
func plikType(stored string) string {
	lowered := strings.ToLower(stored)
	switch _, _, err := mime.ParseMediaType(stored); {
	case strings.Contains(lowered, "html"):
		return "text/plain"
	case err != nil, strings.Contains(lowered, "flash"), strings.Contains(lowered, "pdf"):
		return "application/octet-stream"
	}
	return stored
}
