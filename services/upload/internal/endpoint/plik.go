package endpoint

import (
	"context"
	"encoding/json"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

// maxCredential bounds base64 of a login and password, bytes. Nothing of it is
// stored but a code.
const maxCredential = 64 << 10

// plikID is the length of an upload's and of a file's id.
const plikID = 16

// Plik implements uploadv1.PlikService.
type Plik struct{ p *domain.Pliks }

var _ uploadv1.PlikService = (*Plik)(nil)

// NewPlik makes the endpoint.
func NewPlik(p *domain.Pliks) *Plik { return &Plik{p} }

// CreatePlik implements uploadv1.PlikService.
func (e *Plik) CreatePlik(ctx context.Context, r uploadv1.CreatePlikRequest) (uploadv1.PlikWithFiles, error) {
	if err := checkCreatePlik(r); err != nil {
		return uploadv1.PlikWithFiles{}, err
	}
	made, err := e.p.Create(ctx, r)
	return wireMade(made), err
}

// AnnouncePlik implements uploadv1.PlikService.
func (e *Plik) AnnouncePlik(ctx context.Context, r uploadv1.AnnouncePlikRequest) (uploadv1.PlikWithFiles, error) {
	err := checkPlik(r.UploadID)
	if err == nil && r.From < 0 {
		err = fault.ErrInvalid.Msgf("from is not negative")
	}
	if err == nil {
		err = checkAnnounced(r.Files)
	}
	if err != nil {
		return uploadv1.PlikWithFiles{}, err
	}
	made, err := e.p.Announce(ctx, r)
	return wireMade(made), err
}

// GetPlik implements uploadv1.PlikService.
func (e *Plik) GetPlik(ctx context.Context, r uploadv1.PlikRequest) (uploadv1.PlikUpload, error) {
	if err := checkPlik(r.UploadID); err != nil {
		return uploadv1.PlikUpload{}, err
	}
	v, err := e.p.Get(ctx, r)
	return wirePlik(v), err
}

// ListPlikFiles implements uploadv1.PlikService. A page is shorter when its names
// are long.
func (e *Plik) ListPlikFiles(ctx context.Context, r uploadv1.ListPlikFilesRequest) (uploadv1.ListPlikFilesResponse, error) {
	if err := checkPlik(r.UploadID); err != nil {
		return uploadv1.ListPlikFilesResponse{}, err
	}
	r.From = max(r.From, 0)
	page, err := e.p.Files(ctx, r, uploadv1.MaxPlikFilesPage+1)
	if err != nil {
		return uploadv1.ListPlikFilesResponse{}, err
	}
	out, sum := uploadv1.ListPlikFilesResponse{Files: []uploadv1.PlikFile{}}, 0
	for n, f := range page {
		file := wirePlikFile(f)
		b, _ := json.Marshal(file) // it always can
		if sum += len(b) + 1; n > 0 && (sum > domain.MaxAnswer || n == uploadv1.MaxPlikFilesPage) {
			out.Next = f.Index
			break
		}
		out.Files = append(out.Files, file)
	}
	return out, nil
}

// RemovePlik implements uploadv1.PlikService.
func (e *Plik) RemovePlik(ctx context.Context, r uploadv1.PlikRequest) (uploadv1.Empty, error) {
	if err := checkPlik(r.UploadID); err != nil {
		return uploadv1.Empty{}, err
	}
	return uploadv1.Empty{}, e.p.Remove(ctx, r)
}

// GetPlikFile implements uploadv1.PlikService.
func (e *Plik) GetPlikFile(ctx context.Context, r uploadv1.PlikFileRequest) (uploadv1.PlikFileResponse, error) {
	if err := checkPlik(r.UploadID); err != nil {
		return uploadv1.PlikFileResponse{}, err
	}
	f, err := e.p.File(ctx, r)
	return wireFileResponse(f), err
}

// RemovePlikFile implements uploadv1.PlikService.
func (e *Plik) RemovePlikFile(ctx context.Context, r uploadv1.PlikFileRequest) (uploadv1.Empty, error) {
	if err := checkPlik(r.UploadID); err != nil {
		return uploadv1.Empty{}, err
	}
	return uploadv1.Empty{}, e.p.RemoveFile(ctx, r)
}

// BeginPlik implements uploadv1.PlikService.
func (e *Plik) BeginPlik(ctx context.Context, r uploadv1.BeginPlikRequest) (uploadv1.PlikLeased, error) {
	if err := checkPlik(r.UploadID); err != nil {
		return uploadv1.PlikLeased{}, err
	}
	if r.FileID == "" {
		if r.MaxEntries < 1 {
			return uploadv1.PlikLeased{}, fault.ErrInvalid.Msgf("maxEntries is at least 1")
		}
		if err := checkPlikName(r.Name, "unable to create file : "); err != nil {
			return uploadv1.PlikLeased{}, err
		}
	}
	if len(r.Relay) > maxID {
		return uploadv1.PlikLeased{}, fault.ErrInvalid.Msgf("relay has at most %d bytes", maxID)
	}
	l, err := e.p.Begin(ctx, r)
	return uploadv1.PlikLeased{PlikFileResponse: wireFileResponse(l), Fence: l.Fence}, err
}

// KeepPlik implements uploadv1.PlikService.
func (e *Plik) KeepPlik(ctx context.Context, r uploadv1.KeepPlikRequest) (uploadv1.Empty, error) {
	if !leasable(r.UploadID, r.FileID, r.Fence) {
		return uploadv1.Empty{}, uploadv1.ErrPlikLost
	}
	return uploadv1.Empty{}, e.p.Keep(ctx, r)
}

// FinishPlik implements uploadv1.PlikService.
func (e *Plik) FinishPlik(ctx context.Context, r uploadv1.FinishPlikRequest) (uploadv1.PlikFile, error) {
	switch {
	case !leasable(r.UploadID, r.FileID, r.Fence):
		return uploadv1.PlikFile{}, uploadv1.ErrPlikLost
	case r.Size < 0:
		return uploadv1.PlikFile{}, fault.ErrInvalid.Msgf("size is not negative")
	case len(r.MD5) > maxID, len(r.Type) > uploadv1.MaxPlikType:
		return uploadv1.PlikFile{}, fault.ErrInvalid.Msgf("md5 has at most %d bytes, type %d", maxID, uploadv1.MaxPlikType)
	}
	f, err := e.p.Finish(ctx, r)
	if err != nil {
		return uploadv1.PlikFile{}, err
	}
	return wirePlikFile(f), nil
}

// EndPlik implements uploadv1.PlikService.
func (e *Plik) EndPlik(ctx context.Context, r uploadv1.EndPlikRequest) (uploadv1.Empty, error) {
	if !leasable(r.UploadID, r.FileID, r.Fence) {
		return uploadv1.Empty{}, nil // nobody has it
	}
	return uploadv1.Empty{}, e.p.End(ctx, r)
}

// ClaimPlik implements uploadv1.PlikService.
func (e *Plik) ClaimPlik(ctx context.Context, r uploadv1.PlikFileRequest) (uploadv1.PlikLeased, error) {
	if err := checkPlik(r.UploadID); err != nil {
		return uploadv1.PlikLeased{}, err
	}
	l, err := e.p.Claim(ctx, r)
	return uploadv1.PlikLeased{PlikFileResponse: wireFileResponse(l), Fence: l.Fence, Relay: l.File.Relay}, err
}

// ListPlik implements uploadv1.PlikService.
func (e *Plik) ListPlik(ctx context.Context, r uploadv1.ListPlikRequest) (uploadv1.ListPlikResponse, error) {
	if len(r.AccountID) > maxID || len(r.TokenID) > maxID {
		return uploadv1.ListPlikResponse{Uploads: []uploadv1.PlikUpload{}}, nil // nobody's
	}
	page, place, err := e.p.List(ctx, r)
	if err != nil {
		return uploadv1.ListPlikResponse{}, err
	}
	out := uploadv1.ListPlikResponse{Uploads: make([]uploadv1.PlikUpload, len(page)), Place: place}
	for i, v := range page {
		out.Uploads[i] = wirePlik(v)
	}
	return out, nil
}

// RemovePliks implements uploadv1.PlikService.
func (e *Plik) RemovePliks(ctx context.Context, r uploadv1.RemovePliksRequest) (uploadv1.RemovePliksResponse, error) {
	if r.AccountID == "" || r.AccountID == objectv1.GuestAccount || len(r.AccountID) > maxID || len(r.TokenID) > maxID {
		return uploadv1.RemovePliksResponse{}, fault.ErrInvalid.Msgf("accountId names an account, tokenId a token of it or nothing")
	}
	n, more, err := e.p.RemoveAll(ctx, domain.PlikFilter{Account: r.AccountID, TokenID: r.TokenID})
	return uploadv1.RemovePliksResponse{Removed: n, More: more}, err
}

// GetPlikStats implements uploadv1.PlikService.
func (e *Plik) GetPlikStats(ctx context.Context, r uploadv1.PlikStatsRequest) (uploadv1.PlikStats, error) {
	if len(r.AccountID) > maxID || len(r.TokenID) > maxID {
		return uploadv1.PlikStats{}, nil // nobody's
	}
	return e.p.Stats(ctx, r)
}

// plikLetters says whether s is n letters and digits, as ids and secrets are.
func plikLetters(s string, n int) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > 'z' || c > '9' && c < 'A' || c > 'Z' && c < 'a' {
			return false
		}
	}
	return len(s) == n
}

// checkPlik says of what cannot be an upload's id what is said of an unknown one.
func checkPlik(id string) error {
	if plikLetters(id, plikID) {
		return nil
	}
	return uploadv1.ErrPlikNotFound.Msgf("upload %s not found", id)
}

func leasable(upload, file, fence string) bool {
	return plikLetters(upload, plikID) && plikLetters(file, plikID) && plikLetters(fence, 2*plikID)
}

// checkPlikName is plik-wire.md 6.4.
func checkPlikName(name, prefix string) error {
	switch {
	case name == "":
		return uploadv1.ErrPlikName.Msgf("%smissing file name", prefix)
	case len(name) > uploadv1.MaxPlikName:
		return uploadv1.ErrPlikName.Msgf("%sfile name %s... is too long, maximum length is %d characters", prefix, name[:20], uploadv1.MaxPlikName)
	}
	return nil
}

func checkAnnounced(files []uploadv1.PlikAnnounced) error {
	if len(files) > uploadv1.MaxPlikBatch {
		return fault.ErrInvalid.Msgf("%d files are announced at once", uploadv1.MaxPlikBatch)
	}
	for _, f := range files {
		if err := checkPlikName(f.Name, ""); err != nil {
			return err
		}
		if len(f.Type) > uploadv1.MaxPlikType || len(f.Reference) > uploadv1.MaxPlikReference {
			return fault.ErrInvalid.Msgf("a file's type has at most %d bytes, its reference %d", uploadv1.MaxPlikType, uploadv1.MaxPlikReference)
		}
	}
	return nil
}

func checkCreatePlik(r uploadv1.CreatePlikRequest) error {
	p := r.Caller.Principal
	switch {
	case p.AccountID == "", len(p.AccountID) > maxID, len(r.Caller.TokenID) > maxID, len(r.Caller.Source) > maxID:
		return fault.ErrInvalid.Msgf("caller.principal.accountId, tokenId and source have at most %d bytes, the first one at least 1", maxID)
	case len(r.Comments) > uploadv1.MaxPlikComments:
		return fault.ErrInvalid.Msgf("comments have at most %d bytes", uploadv1.MaxPlikComments)
	case len(r.Credential) > maxCredential:
		return fault.ErrInvalid.Msgf("login and password are too long")
	case r.Announced < 0:
		return fault.ErrInvalid.Msgf("announced is not negative")
	}
	return checkAnnounced(r.Files)
}

func wireMade(m domain.PlikMade) uploadv1.PlikWithFiles {
	out := uploadv1.PlikWithFiles{Upload: wirePlik(m.PlikView), Files: make([]uploadv1.PlikFile, len(m.Files))}
	for i, f := range m.Files {
		out.Files[i] = wirePlikFile(f)
	}
	return out
}

func wirePlik(v domain.PlikView) uploadv1.PlikUpload {
	out := uploadv1.PlikUpload{
		ID: v.ID, AccountID: v.Account, TokenID: v.TokenID, TTL: v.TTL, ExtendTTL: v.ExtendTTL, OneShot: v.OneShot, Stream: v.Stream, Removable: v.Removable,
		Protected: len(v.Credential) > 0, Comments: v.Comments, SourceIP: v.SourceIP, CreatedAt: v.CreatedAt, Entries: v.Entries, Size: v.Size(),
		Admin: v.Admin, Token: v.Token,
	}
	if !v.ExpiresAt.IsZero() {
		out.ExpiresAt = &v.ExpiresAt
	}
	return out
}

func wirePlikFile(f domain.PlikFile) uploadv1.PlikFile {
	return uploadv1.PlikFile{
		ID: f.ID, UploadID: f.Upload, Index: f.Index, Name: f.Name, Status: f.Status, MD5: f.MD5, Type: f.Type, Size: f.Size, Reference: f.Reference,
		CreatedAt: f.CreatedAt,
	}
}

func wireFileResponse(l domain.PlikLeased) uploadv1.PlikFileResponse {
	return uploadv1.PlikFileResponse{
		Upload: wirePlik(l.PlikView), File: wirePlikFile(l.File),
		Object: uploadv1.PlikObject{Owner: l.Owner, Key: domain.PlikKey(l.File.Upload, l.File.ID)},
	}
}
