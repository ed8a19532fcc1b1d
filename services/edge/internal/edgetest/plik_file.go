package edgetest

import (
	"context"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// response joins a file with its upload and the place of its bytes.
func (u *plik) response(f *plikFile, c uploadv1.PlikCaller) uploadv1.PlikFileResponse {
	return uploadv1.PlikFileResponse{Upload: u.to(c), File: f.PlikFile, Object: uploadv1.PlikObject{Owner: u.owner, Key: u.ID + "/" + f.ID}}
}

// ListPlikFiles implements uploadv1.PlikService.
func (p *Plik) ListPlikFiles(_ context.Context, r uploadv1.ListPlikFilesRequest) (uploadv1.ListPlikFilesResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter("ListPlikFiles"); err != nil {
		return uploadv1.ListPlikFilesResponse{}, err
	}
	u := p.uploads[r.UploadID]
	if !r.Listed || u == nil || u.pending || u.AccountID != r.Caller.Principal.AccountID && !u.admin(r.Caller) {
		var err error
		if u, err = p.open(r.UploadID, r.Caller); err != nil {
			return uploadv1.ListPlikFilesResponse{}, err
		}
	}
	out := uploadv1.ListPlikFilesResponse{Files: []uploadv1.PlikFile{}}
	from := min(max(r.From, 0), len(u.files))
	till := min(from+uploadv1.MaxPlikFilesPage, len(u.files))
	for _, f := range u.files[from:till] {
		out.Files = append(out.Files, f.PlikFile)
	}
	if till < len(u.files) {
		out.Next = till
	}
	return out, nil
}

// GetPlikFile implements uploadv1.PlikService.
func (p *Plik) GetPlikFile(_ context.Context, r uploadv1.PlikFileRequest) (uploadv1.PlikFileResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter("GetPlikFile"); err != nil {
		return uploadv1.PlikFileResponse{}, err
	}
	u, f, err := p.openFile(r.UploadID, r.FileID, r.Caller)
	if err != nil {
		return uploadv1.PlikFileResponse{}, err
	}
	return u.response(f, r.Caller), nil
}

// RemovePlikFile implements uploadv1.PlikService.
func (p *Plik) RemovePlikFile(_ context.Context, r uploadv1.PlikFileRequest) (uploadv1.Empty, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter("RemovePlikFile"); err != nil {
		return uploadv1.Empty{}, err
	}
	u, f, err := p.openFile(r.UploadID, r.FileID, r.Caller)
	switch {
	case err != nil:
		return uploadv1.Empty{}, err
	case !u.Removable && !u.admin(r.Caller):
		return uploadv1.Empty{}, uploadv1.ErrPlikForbidden.Msgf("you are not allowed to remove files from this upload")
	}
	p.drop(u, f)
	return uploadv1.Empty{}, nil
}

// BeginPlik implements uploadv1.PlikService.
func (p *Plik) BeginPlik(_ context.Context, r uploadv1.BeginPlikRequest) (uploadv1.PlikLeased, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter("BeginPlik"); err != nil {
		return uploadv1.PlikLeased{}, err
	}
	u, err := p.open(r.UploadID, r.Caller)
	switch {
	case err != nil:
		return uploadv1.PlikLeased{}, err
	case !u.admin(r.Caller):
		return uploadv1.PlikLeased{}, uploadv1.ErrPlikForbidden.Msgf("you are not allowed to add file to this upload")
	}
	f, err := p.begun(u, r)
	if err != nil {
		return uploadv1.PlikLeased{}, err
	}
	f.Status, f.fence, f.relay, f.keepTill = uploadv1.PlikUploading, plikID(16), r.Relay, p.now().Add(uploadv1.PlikLease)
	if u.AccountID == objectv1.GuestAccount {
		u.owner.Limits = r.GuestLimits
	}
	return uploadv1.PlikLeased{PlikFileResponse: u.response(f, r.Caller), Fence: f.fence}, nil
}

// begun finds the entry that a body is for, or makes it.
func (p *Plik) begun(u *plik, r uploadv1.BeginPlikRequest) (*plikFile, error) {
	if r.FileID == "" {
		if err := plikName(r.Name); err != nil {
			return nil, err
		}
		if len(u.files) >= r.MaxEntries {
			return nil, uploadv1.ErrPlikTooMany.Msgf("maximum number file per upload reached, limit is %d", r.MaxEntries)
		}
		return p.add(u, uploadv1.PlikAnnounced{Name: r.Name}), nil
	}
	f := u.file(r.FileID)
	switch {
	case f == nil:
		return nil, uploadv1.ErrPlikFileNotFound.Msgf("file %s not found", r.FileID)
	case f.Name != r.Name:
		return nil, uploadv1.ErrPlikName.Msgf("invalid file name")
	case f.Status != uploadv1.PlikMissing:
		return nil, uploadv1.ErrPlikStatus.Msgf("invalid file status %s, expected missing", f.Status)
	}
	return f, nil
}

// plikBucket gives an account's bucket of temporary uploads to who may see it,
// and makes it on first use; with o.mu held.
func (o *Object) plikBucket(p authv1.Principal) *bucket {
	if !p.System {
		return nil
	}
	id := p.AccountID + "/" + objectv1.PlikBucket
	if o.buckets[id] == nil {
		o.buckets[id] = &bucket{
			Bucket:   objectv1.Bucket{ID: id, Name: objectv1.PlikBucket, CreatedAt: time.Now(), Versioning: objectv1.Unversioned, Region: o.Regions[0]},
			versions: map[string][]version{},
		}
	}
	return o.buckets[id]
}

// plikName refuses what is no name (plik-wire.md 6.4).
func plikName(name string) error {
	switch {
	case name == "":
		return uploadv1.ErrPlikName.Msgf("missing file name")
	case len(name) > uploadv1.MaxPlikName:
		return uploadv1.ErrPlikName.Msgf("file name %s... is too long, maximum length is %d characters", name[:20], uploadv1.MaxPlikName)
	}
	return nil
}

// leased finds a file by one of its fences.
func (p *Plik) leased(uploadID, fileID, fence string) (*plik, *plikFile) {
	u := p.uploads[uploadID]
	if u == nil || fence == "" {
		return nil, nil
	}
	f := u.file(fileID)
	if f == nil || f.fence != fence && f.claim != fence {
		return nil, nil
	}
	return u, f
}

// KeepPlik implements uploadv1.PlikService.
func (p *Plik) KeepPlik(_ context.Context, r uploadv1.KeepPlikRequest) (uploadv1.Empty, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter("KeepPlik"); err != nil {
		return uploadv1.Empty{}, err
	}
	_, f := p.leased(r.UploadID, r.FileID, r.Fence)
	if f == nil || f.Status != uploadv1.PlikUploading && f.Status != uploadv1.PlikRemoved {
		return uploadv1.Empty{}, uploadv1.ErrPlikLost
	}
	till := p.now().Add(uploadv1.PlikLease)
	if f.claim == r.Fence {
		f.readTill = till
	} else {
		f.keepTill = till
	}
	return uploadv1.Empty{}, nil
}

// FinishPlik implements uploadv1.PlikService.
func (p *Plik) FinishPlik(_ context.Context, r uploadv1.FinishPlikRequest) (uploadv1.PlikFile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter("FinishPlik"); err != nil {
		return uploadv1.PlikFile{}, err
	}
	u, f := p.leased(r.UploadID, r.FileID, r.Fence)
	switch {
	case f != nil && f.done && f.fence == r.Fence:
		return f.PlikFile, f.refused
	case f == nil || f.fence != r.Fence || f.Status != uploadv1.PlikUploading && !f.taken:
		if f != nil {
			p.drop(u, f)
		}
		return uploadv1.PlikFile{}, uploadv1.ErrPlikLost
	case r.UserSize > 0 && p.stored(u.AccountID)+r.Size > r.UserSize:
		p.drop(u, f)
		f.done, f.refused = true, tooMuch(r.UserSize)
		return uploadv1.PlikFile{}, f.refused
	}
	f.done, f.Size, f.MD5, f.Type, f.Status = true, r.Size, r.MD5, r.Type, uploadv1.PlikUploaded
	if u.Stream {
		f.Status = uploadv1.PlikDeleted
	}
	return f.PlikFile, nil
}

// EndPlik implements uploadv1.PlikService.
func (p *Plik) EndPlik(_ context.Context, r uploadv1.EndPlikRequest) (uploadv1.Empty, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter("EndPlik"); err != nil {
		return uploadv1.Empty{}, err
	}
	u, f := p.leased(r.UploadID, r.FileID, r.Fence)
	if f != nil && (f.Status == uploadv1.PlikUploading || f.Status == uploadv1.PlikRemoved) {
		p.drop(u, f)
		f.taken = u.Stream && f.claim == r.Fence
	}
	return uploadv1.Empty{}, nil
}

// ClaimPlik implements uploadv1.PlikService.
func (p *Plik) ClaimPlik(_ context.Context, r uploadv1.PlikFileRequest) (uploadv1.PlikLeased, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.enter("ClaimPlik"); err != nil {
		return uploadv1.PlikLeased{}, err
	}
	u, f, err := p.openFile(r.UploadID, r.FileID, r.Caller)
	if err != nil {
		return uploadv1.PlikLeased{}, err
	}
	if !u.Stream && !u.OneShot {
		return uploadv1.PlikLeased{}, fault.ErrInvalid.Msgf("a file that all may read is claimed by nobody")
	}
	want := uploadv1.PlikUploaded
	if u.Stream {
		want = uploadv1.PlikUploading
	}
	if f.Status != want || f.claim != "" {
		return uploadv1.PlikLeased{}, uploadv1.ErrPlikNotAvailable.Msgf("file %s (%s) is not available : %s", f.Name, f.ID, f.Status)
	}
	f.claim, f.readTill = plikID(16), p.now().Add(uploadv1.PlikLease)
	if !u.Stream {
		f.Status = uploadv1.PlikRemoved
	}
	return uploadv1.PlikLeased{PlikFileResponse: u.response(f, r.Caller), Fence: f.claim, Relay: f.relay}, nil
}

// stored is what an account's uploads have.
func (p *Plik) stored(account string) int64 {
	var n int64
	for _, u := range p.uploads {
		for _, f := range u.files {
			if u.AccountID == account && f.Status == uploadv1.PlikUploaded {
				n += f.Size
			}
		}
	}
	return n
}

func tooMuch(limit int64) error {
	return uploadv1.ErrPlikUserSize.Msgf("maximum user upload size reached. (%s)", core.PlikBytes(limit))
}
