package lockwell

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// uploadID is the form of an upload's id.
var uploadID = regexp.MustCompile(`^` + uploadv1.UploadIDPrefix + `[0-9A-Z]{26}$`)

// partETag is the form of a part's entity tag. No longer one goes on: the list
// has to fit into one message.
var partETag = regexp.MustCompile(`^"[0-9A-Za-z-]{1,40}"$`)

// maxCompleteJSON bounds a list of all parts, in bytes.
const maxCompleteJSON = 4 << 20

// CreateMultipartUpload answers POST /buckets/{bucket}/multipart/{key...}.
func (h *Handler) CreateMultipartUpload(w http.ResponseWriter, r *http.Request) error {
	key, err := objectKey(r)
	if err != nil {
		return err
	}
	req := uploadv1.CreateMultipartRequest{Principal: principal(r), Bucket: r.PathValue("bucket"), Key: key}
	if req.Metadata, err = uploadMetadata(r); err != nil {
		return err
	}
	if req.Retention, req.LegalHold, err = h.locks(r.Header); err != nil {
		return err
	}
	m, err := h.core.CreateMultipart(r.Context(), req)
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusCreated, wireCreatedUpload{UploadID: m.UploadID, Bucket: req.Bucket, Key: key})
}

// multipartRequest names the upload that a request is about.
func multipartRequest(r *http.Request) (uploadv1.MultipartRequest, error) {
	key, err := objectKey(r)
	if err != nil {
		return uploadv1.MultipartRequest{}, err
	}
	id := r.PathValue("uploadId")
	if !uploadID.MatchString(id) {
		return uploadv1.MultipartRequest{}, uploadv1.ErrNoSuchUpload
	}
	return uploadv1.MultipartRequest{Principal: principal(r), Bucket: r.PathValue("bucket"), Key: key, UploadID: id}, nil
}

// uploadMetadata reads what the object will carry: from the headers, as a PUT,
// or from a JSON body; the Content-Type beside a body is the body's.
func uploadMetadata(r *http.Request) (objectv1.Metadata, error) {
	if empty, err := noBody(r); empty || err != nil {
		if err != nil {
			return objectv1.Metadata{}, err
		}
		return metadata(r.Header)
	}
	var body wireNewUpload
	if err := readBody(r, &body); err != nil {
		return objectv1.Metadata{}, err
	}
	m := objectv1.Metadata{
		ContentType: body.ContentType, CacheControl: body.CacheControl, ContentDisposition: body.ContentDisposition,
		ContentEncoding: body.ContentEncoding, Tags: body.Tags,
	}
	for name, v := range map[string]string{
		"contentType": m.ContentType, "cacheControl": m.CacheControl, "contentDisposition": m.ContentDisposition, "contentEncoding": m.ContentEncoding,
	} {
		if err := checkStored(name, v); err != nil {
			return objectv1.Metadata{}, err
		}
	}
	var err error
	if m.User, err = userMetadata(body.Metadata); err != nil {
		return objectv1.Metadata{}, err
	}
	return m, objectv1.CheckTags(m.Tags)
}

// noBody reports whether a request came without a body, or with an empty one;
// of any other the handler can read all.
func noBody(r *http.Request) (bool, error) {
	if r.ContentLength >= 0 {
		return r.ContentLength == 0, nil
	}
	first := make([]byte, 1)
	n, err := io.ReadFull(r.Body, first)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the body: %w", err)
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(first[:n]), r.Body), r.Body}
	return false, nil
}

// UploadPart answers PUT /buckets/{bucket}/multipart/{uploadId}/parts/{partNumber}/{key...}.
func (h *Handler) UploadPart(w http.ResponseWriter, r *http.Request) error {
	upload, err := multipartRequest(r)
	if err != nil {
		return err
	}
	in := transfer.Part{MultipartRequest: upload, Size: r.ContentLength, Body: r.Body}
	if in.Number, err = partNumber(r); err != nil {
		return err
	}
	if in.Want, err = digests(r.Header); err != nil {
		return err
	}
	p, err := h.core.PutPart(r.Context(), in)
	if err != nil {
		return err
	}
	setChecksums(w.Header(), p.Digests)
	w.Header().Set("ETag", p.ETag)
	return dialect.WriteJSON(w, http.StatusOK, partToWire(p))
}

// ListParts answers GET /buckets/{bucket}/multipart/{uploadId}/parts/{key...}.
func (h *Handler) ListParts(w http.ResponseWriter, r *http.Request) error {
	upload, err := multipartRequest(r)
	if err != nil {
		return err
	}
	q, err := dialect.Query(r)
	if err != nil {
		return err
	}
	req := uploadv1.ListPartsRequest{MultipartRequest: upload}
	if req.Limit, err = pageSize(q, "maxParts", uploadv1.MaxPartsPage); err != nil {
		return err
	}
	if q.Has("partNumberMarker") {
		n, ok := number(q.Get("partNumberMarker"), 0, uploadv1.MaxPartNumber)
		if !ok {
			return fault.ErrInvalid.Msgf("partNumberMarker is a number from 0 to %d", uploadv1.MaxPartNumber)
		}
		req.After = n
	}
	l, err := h.core.ListParts(r.Context(), req)
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, partsToWire(l))
}

// CompleteMultipartUpload answers
// POST /buckets/{bucket}/multipart/{uploadId}/complete/{key...}.
func (h *Handler) CompleteMultipartUpload(w http.ResponseWriter, r *http.Request) error {
	upload, err := multipartRequest(r)
	if err != nil {
		return err
	}
	var body wireComplete
	if err := dialect.ReadStrictJSON(r, &body, maxCompleteJSON); err != nil {
		return err
	}
	req := uploadv1.CompleteMultipartRequest{MultipartRequest: upload, Origin: origin(r)}
	if req.Conditions, err = putConditions(r.Header); err != nil {
		return err
	}
	if req.Parts, err = completedParts(body.Parts); err != nil {
		return err
	}
	o, err := h.core.CompleteMultipart(r.Context(), req)
	if err != nil {
		return err
	}
	return answerObject(w, http.StatusOK, o)
}

// completedParts looks at the form of a list of parts; what was uploaded is
// upload's to know.
func completedParts(parts []wireCompletedPart) ([]uploadv1.CompletedPart, error) {
	if len(parts) == 0 || len(parts) > uploadv1.MaxPartNumber {
		return nil, uploadv1.ErrInvalidPart.Msgf("parts is needed: 1 to %d of them", uploadv1.MaxPartNumber)
	}
	out := make([]uploadv1.CompletedPart, len(parts))
	for i, p := range parts {
		switch {
		case p.PartNumber < 1 || p.PartNumber > uploadv1.MaxPartNumber:
			return nil, uploadv1.ErrInvalidPart.Msgf("partNumber %d is not from 1 to %d", p.PartNumber, uploadv1.MaxPartNumber)
		case !partETag.MatchString(p.ETag):
			return nil, uploadv1.ErrInvalidPart.Msgf("the etag of part %d is missing or malformed", p.PartNumber)
		case i > 0 && p.PartNumber <= parts[i-1].PartNumber:
			return nil, uploadv1.ErrInvalidPartOrder
		}
		out[i] = uploadv1.CompletedPart{Number: p.PartNumber, ETag: p.ETag}
	}
	return out, nil
}

// AbortMultipartUpload answers DELETE /buckets/{bucket}/multipart/{uploadId}/{key...}.
func (h *Handler) AbortMultipartUpload(w http.ResponseWriter, r *http.Request) error {
	upload, err := multipartRequest(r)
	if err != nil {
		return err
	}
	if err := h.core.AbortMultipart(r.Context(), upload); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// ListMultipartUploads answers GET /buckets/{bucket}/multipart.
func (h *Handler) ListMultipartUploads(w http.ResponseWriter, r *http.Request) error {
	q, err := dialect.Query(r)
	if err != nil {
		return err
	}
	req := uploadv1.ListMultipartsRequest{
		Principal: principal(r), Bucket: r.PathValue("bucket"), Prefix: q.Get("prefix"), AfterKey: q.Get("keyMarker"), AfterUploadID: q.Get("uploadIdMarker"),
	}
	if req.Limit, err = pageSize(q, "maxUploads", maxListed); err != nil {
		return err
	}
	if err := checkKeyParts(q, "prefix", "keyMarker"); err != nil {
		return err
	}
	if id := req.AfterUploadID; id != "" && (!uploadID.MatchString(id) || req.AfterKey == "") {
		return fault.ErrInvalid.Msgf("uploadIdMarker is malformed, or stands without keyMarker")
	}
	l, err := h.core.ListMultiparts(r.Context(), req)
	if err != nil {
		return err
	}
	return dialect.WriteJSON(w, http.StatusOK, uploadsToWire(l))
}

// partNumber reads the number in the path, in its one spelling.
func partNumber(r *http.Request) (int, error) {
	n, ok := number(r.PathValue("partNumber"), 1, uploadv1.MaxPartNumber)
	if !ok {
		return 0, uploadv1.ErrInvalidPartNumber
	}
	return n, nil
}

// number reads a decimal without sign or leading zeros.
func number(s string, least, most int) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && strconv.Itoa(n) == s && n >= least && n <= most
}
