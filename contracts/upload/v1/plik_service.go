package uploadv1

import (
	"context"
	"errors"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/rpc"
)

// PlikService is the part of upload that temporary uploads are (plik.md). What a
// refusal says to a client stands in the fault's message, word for word as
// plik-wire.md 15 has it. Whoever names an upload in a PlikCaller's request gets
// upload.plik_not_found, upload.plik_expired, or upload.plik_credentials when it
// is protected and the caller is not its admin; it counts as an access for
// ExtendTTL.
type PlikService interface {
	// CreatePlik makes an upload and the entries of its files. The caller is its
	// admin. Codes: upload.plik_user_size.
	CreatePlik(ctx context.Context, r CreatePlikRequest) (PlikWithFiles, error)
	// AnnouncePlik adds a batch of entries to an upload that is being made.
	// Idempotent.
	AnnouncePlik(ctx context.Context, r AnnouncePlikRequest) (PlikWithFiles, error)
	// GetPlik reads an upload.
	GetPlik(ctx context.Context, r PlikRequest) (PlikUpload, error)
	// ListPlikFiles pages through its files.
	ListPlikFiles(ctx context.Context, r ListPlikFilesRequest) (ListPlikFilesResponse, error)
	// RemovePlik ends an upload; from then on it is unknown. Codes:
	// upload.plik_forbidden.
	RemovePlik(ctx context.Context, r PlikRequest) (Empty, error)
	// GetPlikFile reads a file, whatever its status is. Codes:
	// upload.plik_file_not_found.
	GetPlikFile(ctx context.Context, r PlikFileRequest) (PlikFileResponse, error)
	// RemovePlikFile deletes a file's content; a repeat is none's. Codes:
	// upload.plik_file_not_found, upload.plik_forbidden.
	RemovePlikFile(ctx context.Context, r PlikFileRequest) (Empty, error)

	// BeginPlik makes the caller's edge the one that brings a file's content, under a
	// lease. One entry is begun once. Codes: upload.plik_forbidden,
	// upload.plik_file_not_found, upload.plik_status, upload.plik_too_many,
	// upload.plik_name.
	BeginPlik(ctx context.Context, r BeginPlikRequest) (PlikLeased, error)
	// KeepPlik extends a lease, of either kind. Codes: upload.plik_lost when the file
	// or its upload was removed, or the lease had lapsed.
	KeepPlik(ctx context.Context, r KeepPlikRequest) (Empty, error)
	// FinishPlik makes a file readable; of a stream it is deleted, as intended. The
	// same again gives the same answer. Codes: upload.plik_lost (then the bytes are
	// given up), upload.plik_user_size (the same).
	FinishPlik(ctx context.Context, r FinishPlikRequest) (PlikFile, error)
	// EndPlik gives a file up. Idempotent; an unknown lease is no error.
	EndPlik(ctx context.Context, r EndPlikRequest) (Empty, error)
	// ClaimPlik takes a file of a one-shot upload, or a stream that waits, for one
	// reader: of many at once one gets it, for good. Codes:
	// upload.plik_file_not_found, upload.plik_not_available.
	ClaimPlik(ctx context.Context, r PlikFileRequest) (PlikLeased, error)

	// ListPlik pages through uploads. Codes: those of pkg/paging.
	ListPlik(ctx context.Context, r ListPlikRequest) (ListPlikResponse, error)
	// RemovePliks removes many. Idempotent.
	RemovePliks(ctx context.Context, r RemovePliksRequest) (RemovePliksResponse, error)
	// GetPlikStats counts.
	GetPlikStats(ctx context.Context, r PlikStatsRequest) (PlikStats, error)
}

// The errors of temporary uploads. Their messages are replaced by those of
// plik-wire.md, which name the file or the upload.
var (
	ErrPlikNotFound     = fault.New(fault.NotFound, "upload.plik_not_found", "there is no such upload")
	ErrPlikExpired      = fault.New(fault.NotFound, "upload.plik_expired", "the upload has expired")
	ErrPlikCredentials  = fault.New(fault.Unauthenticated, "upload.plik_credentials", "please provide valid credentials to access this upload")
	ErrPlikForbidden    = fault.New(fault.Forbidden, "upload.plik_forbidden", "you are not allowed to do this with the upload")
	ErrPlikFileNotFound = fault.New(fault.NotFound, "upload.plik_file_not_found", "there is no such file in the upload")
	ErrPlikName         = fault.New(fault.Invalid, "upload.plik_name", "invalid file name")
	ErrPlikStatus       = fault.New(fault.Invalid, "upload.plik_status", "invalid file status")
	ErrPlikTooMany      = fault.New(fault.Invalid, "upload.plik_too_many", "maximum number file per upload reached")
	ErrPlikUserSize     = fault.New(fault.Invalid, "upload.plik_user_size", "maximum user upload size reached")
	ErrPlikNotAvailable = fault.New(fault.NotFound, "upload.plik_not_available", "the file is not available")
	ErrPlikLost         = fault.New(fault.Conflict, "upload.plik_lost", "the file was removed while it was under way")
)

// The calls of temporary uploads.
var (
	CreatePlik     = rpc.Method[CreatePlikRequest, PlikWithFiles]{Subject: "upload.v1.create_plik"}
	AnnouncePlik   = rpc.Method[AnnouncePlikRequest, PlikWithFiles]{Subject: "upload.v1.announce_plik", Idempotent: true}
	GetPlik        = rpc.Method[PlikRequest, PlikUpload]{Subject: "upload.v1.get_plik", Idempotent: true}
	ListPlikFiles  = rpc.Method[ListPlikFilesRequest, ListPlikFilesResponse]{Subject: "upload.v1.list_plik_files", Idempotent: true}
	RemovePlik     = rpc.Method[PlikRequest, Empty]{Subject: "upload.v1.remove_plik"}
	GetPlikFile    = rpc.Method[PlikFileRequest, PlikFileResponse]{Subject: "upload.v1.get_plik_file", Idempotent: true}
	RemovePlikFile = rpc.Method[PlikFileRequest, Empty]{Subject: "upload.v1.remove_plik_file", Idempotent: true}
	BeginPlik      = rpc.Method[BeginPlikRequest, PlikLeased]{Subject: "upload.v1.begin_plik"}
	KeepPlik       = rpc.Method[KeepPlikRequest, Empty]{Subject: "upload.v1.keep_plik", Idempotent: true}
	FinishPlik     = rpc.Method[FinishPlikRequest, PlikFile]{Subject: "upload.v1.finish_plik", Idempotent: true}
	EndPlik        = rpc.Method[EndPlikRequest, Empty]{Subject: "upload.v1.end_plik", Idempotent: true}
	ClaimPlik      = rpc.Method[PlikFileRequest, PlikLeased]{Subject: "upload.v1.claim_plik"}
	ListPlik       = rpc.Method[ListPlikRequest, ListPlikResponse]{Subject: "upload.v1.list_plik", Idempotent: true}
	RemovePliks    = rpc.Method[RemovePliksRequest, RemovePliksResponse]{Subject: "upload.v1.remove_pliks", Timeout: time.Minute, Idempotent: true}
	GetPlikStats   = rpc.Method[PlikStatsRequest, PlikStats]{Subject: "upload.v1.get_plik_stats", Timeout: time.Minute, Idempotent: true}
)

// NewPlikClient gives the PlikService that calls upload over c. Its methods add the
// faults of pkg/rpc to those of the contract.
func NewPlikClient(c *rpc.Client) PlikService { return plikClient{c} }

type plikClient struct{ rpc *rpc.Client }

func (c plikClient) CreatePlik(ctx context.Context, r CreatePlikRequest) (PlikWithFiles, error) {
	return rpc.Call(ctx, c.rpc, CreatePlik, r)
}

func (c plikClient) AnnouncePlik(ctx context.Context, r AnnouncePlikRequest) (PlikWithFiles, error) {
	return rpc.Call(ctx, c.rpc, AnnouncePlik, r)
}

func (c plikClient) GetPlik(ctx context.Context, r PlikRequest) (PlikUpload, error) {
	return rpc.Call(ctx, c.rpc, GetPlik, r)
}

func (c plikClient) ListPlikFiles(ctx context.Context, r ListPlikFilesRequest) (ListPlikFilesResponse, error) {
	return rpc.Call(ctx, c.rpc, ListPlikFiles, r)
}

func (c plikClient) RemovePlik(ctx context.Context, r PlikRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, RemovePlik, r)
}

func (c plikClient) GetPlikFile(ctx context.Context, r PlikFileRequest) (PlikFileResponse, error) {
	return rpc.Call(ctx, c.rpc, GetPlikFile, r)
}

func (c plikClient) RemovePlikFile(ctx context.Context, r PlikFileRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, RemovePlikFile, r)
}

func (c plikClient) BeginPlik(ctx context.Context, r BeginPlikRequest) (PlikLeased, error) {
	return rpc.Call(ctx, c.rpc, BeginPlik, r)
}

func (c plikClient) KeepPlik(ctx context.Context, r KeepPlikRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, KeepPlik, r)
}

func (c plikClient) FinishPlik(ctx context.Context, r FinishPlikRequest) (PlikFile, error) {
	return rpc.Call(ctx, c.rpc, FinishPlik, r)
}

func (c plikClient) EndPlik(ctx context.Context, r EndPlikRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, EndPlik, r)
}

func (c plikClient) ClaimPlik(ctx context.Context, r PlikFileRequest) (PlikLeased, error) {
	return rpc.Call(ctx, c.rpc, ClaimPlik, r)
}

func (c plikClient) ListPlik(ctx context.Context, r ListPlikRequest) (ListPlikResponse, error) {
	return rpc.Call(ctx, c.rpc, ListPlik, r)
}

func (c plikClient) RemovePliks(ctx context.Context, r RemovePliksRequest) (RemovePliksResponse, error) {
	return rpc.Call(ctx, c.rpc, RemovePliks, r)
}

func (c plikClient) GetPlikStats(ctx context.Context, r PlikStatsRequest) (PlikStats, error) {
	return rpc.Call(ctx, c.rpc, GetPlikStats, r)
}

// RegisterPlik serves svc on s.
func RegisterPlik(s *rpc.Server, svc PlikService) error {
	return errors.Join(
		rpc.Handle(s, CreatePlik, svc.CreatePlik),
		rpc.Handle(s, AnnouncePlik, svc.AnnouncePlik),
		rpc.Handle(s, GetPlik, svc.GetPlik),
		rpc.Handle(s, ListPlikFiles, svc.ListPlikFiles),
		rpc.Handle(s, RemovePlik, svc.RemovePlik),
		rpc.Handle(s, GetPlikFile, svc.GetPlikFile),
		rpc.Handle(s, RemovePlikFile, svc.RemovePlikFile),
		rpc.Handle(s, BeginPlik, svc.BeginPlik),
		rpc.Handle(s, KeepPlik, svc.KeepPlik),
		rpc.Handle(s, FinishPlik, svc.FinishPlik),
		rpc.Handle(s, EndPlik, svc.EndPlik),
		rpc.Handle(s, ClaimPlik, svc.ClaimPlik),
		rpc.Handle(s, ListPlik, svc.ListPlik),
		rpc.Handle(s, RemovePliks, svc.RemovePliks),
		rpc.Handle(s, GetPlikStats, svc.GetPlikStats),
	)
}
