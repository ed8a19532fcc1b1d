package endpoint

import (
	"context"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/upload/internal/compose"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

// CreateMultipart implements uploadv1.Service.
func (u *Upload) CreateMultipart(ctx context.Context, r uploadv1.CreateMultipartRequest) (uploadv1.Multipart, error) {
	if r.Principal.AccountID == "" {
		return uploadv1.Multipart{}, fault.ErrInvalid.Msgf("principal.accountId is missing")
	}
	m, err := u.m.Create(ctx, r)
	if err != nil {
		return uploadv1.Multipart{}, err
	}
	return wireMultipart(m), nil
}

// BeginPart implements uploadv1.Service.
func (u *Upload) BeginPart(ctx context.Context, r uploadv1.BeginPartRequest) (uploadv1.PartTicket, error) {
	if err := checkPart(r.MultipartRequest, r.Number); err != nil {
		return uploadv1.PartTicket{}, err
	}
	if r.Size < -1 {
		return uploadv1.PartTicket{}, fault.ErrInvalid.Msgf("size is -1 or more")
	}
	return u.m.BeginPart(ctx, r)
}

// CommitPart implements uploadv1.Service.
func (u *Upload) CommitPart(ctx context.Context, r uploadv1.CommitPartRequest) (uploadv1.Part, error) {
	if err := checkPart(r.MultipartRequest, r.Number); err != nil {
		return uploadv1.Part{}, err
	}
	if r.ContentID == "" || len(r.ContentID) > maxID || r.Manifest.Size < 0 {
		return uploadv1.Part{}, fault.ErrInvalid.Msgf("contentId has 1 to %d bytes, manifest.size is not negative", maxID)
	}
	if err := compose.Check(r.Digests); err != nil {
		return uploadv1.Part{}, fault.ErrInvalid.Msgf("digests: %v", err)
	}
	p, err := u.m.CommitPart(ctx, r)
	if err != nil {
		return uploadv1.Part{}, err
	}
	return wirePart(p), nil
}

// ListParts implements uploadv1.Service.
func (u *Upload) ListParts(ctx context.Context, r uploadv1.ListPartsRequest) (uploadv1.ListPartsResponse, error) {
	if err := checkUpload(r.MultipartRequest); err != nil {
		return uploadv1.ListPartsResponse{}, err
	}
	if r.Limit < 1 || r.Limit > uploadv1.MaxPartsPage || r.After < 0 {
		return uploadv1.ListPartsResponse{}, fault.ErrInvalid.Msgf("limit is from 1 to %d, after a part number", uploadv1.MaxPartsPage)
	}
	out := uploadv1.ListPartsResponse{Parts: []uploadv1.Part{}}
	// Behind the highest number there is nothing, but the upload may be unknown.
	r.After = min(r.After, uploadv1.MaxPartNumber)
	parts, more, err := u.m.ListParts(ctx, r)
	if err != nil {
		return uploadv1.ListPartsResponse{}, err
	}
	for _, p := range parts {
		out.Parts = append(out.Parts, wirePart(p))
	}
	out.More = more
	return out, nil
}

// CompleteMultipart implements uploadv1.Service.
func (u *Upload) CompleteMultipart(ctx context.Context, r uploadv1.CompleteMultipartRequest) (objectv1.Object, error) {
	if err := checkUpload(r.MultipartRequest); err != nil {
		return objectv1.Object{}, err
	}
	return u.m.Complete(ctx, r)
}

// AbortMultipart implements uploadv1.Service.
func (u *Upload) AbortMultipart(ctx context.Context, r uploadv1.MultipartRequest) (uploadv1.Empty, error) {
	if err := checkUpload(r); err != nil {
		return uploadv1.Empty{}, err
	}
	return uploadv1.Empty{}, u.m.Abort(ctx, r)
}

// ListMultiparts implements uploadv1.Service.
func (u *Upload) ListMultiparts(ctx context.Context, r uploadv1.ListMultipartsRequest) (uploadv1.ListMultipartsResponse, error) {
	switch {
	case r.Principal.AccountID == "":
		return uploadv1.ListMultipartsResponse{}, fault.ErrInvalid.Msgf("principal.accountId is missing")
	case r.Limit < 1 || r.Limit > uploadv1.MaxListLimit:
		return uploadv1.ListMultipartsResponse{}, fault.ErrInvalid.Msgf("limit is from 1 to %d", uploadv1.MaxListLimit)
	case r.AfterUploadID != "" && r.AfterKey == "":
		return uploadv1.ListMultipartsResponse{}, fault.ErrInvalid.Msgf("afterUploadId needs afterKey")
	}
	page, more, err := u.m.List(ctx, r)
	if err != nil {
		return uploadv1.ListMultipartsResponse{}, err
	}
	out := uploadv1.ListMultipartsResponse{Uploads: make([]uploadv1.Multipart, len(page)), More: more}
	for n, m := range page {
		out.Uploads[n] = wireMultipart(m)
	}
	return out, nil
}

// uploadIDLen is that of the prefix and a ULID.
const uploadIDLen = len(uploadv1.UploadIDPrefix) + 26

// checkUpload refuses what cannot name an upload.
func checkUpload(r uploadv1.MultipartRequest) error {
	if r.Principal.AccountID == "" {
		return fault.ErrInvalid.Msgf("principal.accountId is missing")
	}
	id, ok := strings.CutPrefix(r.UploadID, uploadv1.UploadIDPrefix)
	if !ok || len(r.UploadID) != uploadIDLen || strings.Trim(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") != "" {
		return uploadv1.ErrNoSuchUpload
	}
	return nil
}

func checkPart(r uploadv1.MultipartRequest, number int) error {
	if err := checkUpload(r); err != nil {
		return err
	}
	if number < 1 || number > uploadv1.MaxPartNumber {
		return uploadv1.ErrInvalidPartNumber
	}
	return nil
}

func wireMultipart(m domain.Multipart) uploadv1.Multipart {
	return uploadv1.Multipart{UploadID: m.ID, Bucket: m.Bucket, Key: m.Key, InitiatedAt: m.Began, ExpiresAt: m.Expires}
}

func wirePart(p domain.Part) uploadv1.Part {
	return uploadv1.Part{Number: p.Number, ETag: p.ETag, Size: p.Size, Digests: p.Digests, At: p.At}
}
