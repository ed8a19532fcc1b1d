package lockr

import (
	"mime"
	"net/http"
	"net/url"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// The headers of an upload.
const (
	headerFileName = "X-File-Name"
	headerRegion   = "X-Upload-Region"
	headerKeyHash  = "X-Key-Hash"
)

const (
	maxNameHeader = 4 << 10 // bytes: a long name of escapes
	maxType       = 255     // bytes of a media type
	maxRegion     = 64      // bytes
)

// Upload answers POST /api/v1/upload.
func (h *Handler) Upload(w http.ResponseWriter, r *http.Request) error {
	by, err := h.uploader(r)
	if err != nil {
		return err
	}
	in := transfer.Put{Size: r.ContentLength, Body: r.Body, Origin: origin(r)}
	if in.Key, err = fileName(r.Header); err != nil {
		return err
	}
	if in.Region, err = regionOf(r.Header); err != nil {
		return err
	}
	if in.Metadata.ContentType, err = contentType(r.Header); err != nil {
		return err
	}
	keyHash, err := once(r.Header, headerKeyHash)
	if err != nil {
		return err
	}
	dialect.CallOf(r).Bucket, dialect.CallOf(r).Key = objectv1.DriveBucket, in.Key
	o, err := h.core.PutFile(r.Context(), by, keyHash, in)
	if err != nil {
		return err
	}
	return answerFile(w, r, http.StatusCreated, o)
}

// answerFile answers what made or changed a file.
func answerFile(w http.ResponseWriter, r *http.Request, status int, o objectv1.Object) error {
	file := fileToWire(r, o)
	if status == http.StatusCreated {
		w.Header().Set("Location", file.DownloadURL)
	}
	return answer(w, status, file)
}

// fileName reads X-File-Name: UTF-8, in which a percent sign always begins an
// escape. Without it the file is called "file".
func fileName(h http.Header) (string, error) {
	v, err := once(h, headerFileName)
	if err != nil {
		return "", err
	}
	if len(v) > maxNameHeader {
		return "", fault.ErrInvalid.Msgf("%s has %d bytes at most", headerFileName, maxNameHeader)
	}
	name, err := url.PathUnescape(v)
	if err != nil {
		return "", fault.ErrInvalid.Msgf("%s: a percent sign begins an escape of two hex digits; itself it is %%25", headerFileName)
	}
	return cleanName(name)
}

// cleanName makes a name of the drive of what a client calls a file.
func cleanName(name string) (string, error) {
	clean, ok := core.CleanFileName(name)
	if !ok {
		return "", fault.ErrInvalid.Msgf("the file's name is not UTF-8")
	}
	return clean, nil
}

// regionOf reads X-Upload-Region; "" leaves it to the account.
func regionOf(h http.Header) (string, error) {
	v, err := once(h, headerRegion)
	if err == nil && len(v) > maxRegion {
		err = fault.ErrInvalid.Msgf("%s has %d bytes at most", headerRegion, maxRegion)
	}
	return v, err
}

// contentType reads the type of a direct upload.
func contentType(h http.Header) (string, error) {
	v, err := once(h, "Content-Type")
	if err != nil {
		return "", err
	}
	return checkType(v)
}

// checkType refuses what is no media type: answers will carry it in a header.
func checkType(v string) (string, error) {
	if v == "" {
		return "", nil
	}
	if _, _, err := mime.ParseMediaType(v); err != nil || len(v) > maxType || strings.ContainsFunc(v, func(c rune) bool { return c < ' ' || c > '~' }) {
		return "", fault.ErrInvalid.Msgf("the type must be a media type of %d bytes at most, such as text/plain", maxType)
	}
	return v, nil
}

// once reads a header that may be there once.
func once(h http.Header, name string) (string, error) {
	values := h.Values(name)
	if len(values) > 1 {
		return "", fault.ErrInvalid.Msgf("%s is given more than once", name)
	}
	return strings.TrimSpace(h.Get(name)), nil
}
