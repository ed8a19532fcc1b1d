package lockr

import (
	"net/http"
	"strconv"
	"strings"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// extraMetadata is where a session keeps the Upload-Metadata that it was made
// with: HEAD gives it back as it came.
const extraMetadata = "tus-metadata"

// SessionOptions answers OPTIONS /api/v1/upload/session/{secret}; it says the
// same of every secret.
func (h *Handler) SessionOptions(w http.ResponseWriter, _ *http.Request) error {
	return h.preflight(w, "DELETE, HEAD, OPTIONS, PATCH, POST, PUT")
}

// TusOptions answers OPTIONS /api/v1/upload/tus.
func (h *Handler) TusOptions(w http.ResponseWriter, _ *http.Request) error {
	return h.preflight(w, "OPTIONS, POST")
}

// CreateTusUpload answers POST /api/v1/upload/tus: a session as any other, made
// the way of tus, with the first bytes if the request has some.
func (h *Handler) CreateTusUpload(w http.ResponseWriter, r *http.Request) error {
	openToPages(w.Header())
	if _, err := tusVersion(w, r, true); err != nil {
		return err
	}
	by, err := h.uploader(r)
	if err != nil {
		return err
	}
	if r.Header.Get("Upload-Concat") != "" {
		return fault.ErrInvalid.Msgf("uploads in parts that are joined later are not offered; see Tus-Extension")
	}
	in := uploadv1.CreateSessionRequest{Origin: origin(r)}
	if in.Size, err = tusLength(r.Header); err != nil {
		return err
	}
	if in.Region, err = regionOf(r.Header); err != nil {
		return err
	}
	keyHash, err := describe(&in, r.Header)
	if err != nil {
		return err
	}
	piece, brings, err := firstPiece(r)
	if err != nil {
		return err
	}
	s, err := h.createSession(r, by, keyHash, in)
	if err != nil {
		return err
	}
	state := s.Session
	switch {
	case brings:
		piece.Secret = s.Secret
		if state, err = h.core.WriteSession(r.Context(), piece); err != nil {
			_ = h.core.CancelSession(r.Context(), s.Secret) // it would expire; the client was never told of it
			return err                                      //nolint:wrapcheck // it says what was being done
		}
	case in.Size == 0:
		if state, err = h.core.SessionState(r.Context(), s.Secret, -1); err != nil {
			return err //nolint:wrapcheck // as above
		}
	}
	w.Header().Set("Location", sessionURL(r, s.Secret))
	if brings {
		w.Header().Set(headerUploadOffset, strconv.FormatInt(offsetOf(state), 10))
	}
	return answerTus(w, http.StatusCreated, state)
}

// describe takes name, type and key from Upload-Metadata, under the names that
// the usual clients give them.
func describe(in *uploadv1.CreateSessionRequest, h http.Header) (keyHash string, err error) {
	raw, err := once(h, headerUploadMetadata)
	if err != nil {
		return "", err
	}
	meta, err := parseMetadata(raw)
	if err != nil {
		return "", err
	}
	if told := withoutKeys(raw); told != "" {
		in.Extra = map[string]string{extraMetadata: told}
	}
	if in.Key, err = cleanName(either(meta, "filename", "name")); err != nil {
		return "", err
	}
	if in.Metadata.ContentType, err = checkType(either(meta, "filetype", "type")); err != nil {
		return "", err
	}
	hashed := meta[metaKeyHash]
	wish := keyWish{Key: phrase{text: meta[metaKey]}, KeyHash: &hashed}
	return wish.hash()
}

// The keys of Upload-Metadata that no session keeps.
const (
	metaKey     = "key"
	metaKeyHash = "keyHash"
)

// withoutKeys leaves out what may be kept as a keyed hash only.
func withoutKeys(raw string) string {
	var told []string
	for pair := range strings.SplitSeq(raw, ",") {
		pair = strings.TrimSpace(pair)
		if key, _, _ := strings.Cut(pair, " "); key != "" && key != metaKey && key != metaKeyHash {
			told = append(told, pair)
		}
	}
	return strings.Join(told, ",")
}

func either(meta map[string]string, first, second string) string {
	if v := meta[first]; v != "" {
		return v
	}
	return meta[second]
}

// firstPiece is what a creation brings along.
func firstPiece(r *http.Request) (p transfer.Piece, brings bool, err error) {
	if !isTusType(r.Header) {
		return transfer.Piece{}, false, nil
	}
	check, err := checksumOf(r.Header)
	return transfer.Piece{Length: r.ContentLength, Size: -1, Body: r.Body, Exact: true, Check: check}, true, err
}

func isTusType(h http.Header) bool {
	return strings.EqualFold(strings.TrimSpace(h.Get("Content-Type")), tusType)
}

// tusPatch appends.
func (h *Handler) tusPatch(w http.ResponseWriter, r *http.Request, secret string) error {
	if !isTusType(r.Header) {
		return errTusType
	}
	p := transfer.Piece{Secret: secret, Length: r.ContentLength, Body: r.Body, Exact: true}
	var there bool
	var err error
	if p.Offset, there, err = tusCount(r.Header, headerUploadOffset); err != nil {
		return err
	}
	if !there {
		return fault.ErrInvalid.Msgf("%s is needed", headerUploadOffset)
	}
	if p.Size, _, err = tusCount(r.Header, headerUploadLength); err != nil {
		return err
	}
	if p.Check, err = checksumOf(r.Header); err != nil {
		return err
	}
	s, err := h.core.WriteSession(r.Context(), p)
	audited(r, s)
	if err != nil {
		return pieceFault(err)
	}
	w.Header().Set(headerUploadOffset, strconv.FormatInt(offsetOf(s), 10))
	return answerTus(w, http.StatusNoContent, s)
}

// tusState tells how far a session is.
func (h *Handler) tusState(w http.ResponseWriter, r *http.Request, secret string) error {
	s, err := h.core.SessionState(r.Context(), secret, -1)
	if err != nil {
		return pieceFault(err)
	}
	head := w.Header()
	head.Set(headerUploadOffset, strconv.FormatInt(offsetOf(s), 10))
	if s.Size >= 0 {
		head.Set(headerUploadLength, strconv.FormatInt(s.Size, 10))
	} else {
		head.Set(headerUploadDefer, "1")
	}
	if raw := s.Extra[extraMetadata]; raw != "" {
		head.Set(headerUploadMetadata, raw)
	}
	return answerTus(w, http.StatusOK, s)
}

// answerTus answers with what the headers say.
func answerTus(w http.ResponseWriter, status int, s uploadv1.Session) error {
	head := w.Header()
	if s.Result == nil {
		head.Set(headerUploadExpires, s.ExpiresAt.UTC().Format(http.TimeFormat))
	}
	head.Set("Cache-Control", "no-store")
	if status != http.StatusNoContent {
		head.Set("Content-Length", "0")
	}
	w.WriteHeader(status)
	return nil
}

// offsetOf is how far a session is, also when its object is committed.
func offsetOf(s uploadv1.Session) int64 {
	if s.Result != nil {
		return s.Result.Size
	}
	return s.Offset
}
