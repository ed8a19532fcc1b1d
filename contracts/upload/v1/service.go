// Package uploadv1 is the contract of the upload service: what is on its way in,
// from the first byte until it is committed, given up or abandoned.
package uploadv1

import (
	"context"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// Service is upload. It keeps one record per ingest and a lease in it; the sweep
// ends what nobody renews, by object's AbortPut, which never harms a version
// that was committed.
type Service interface {
	// Begin opens an ingest: it takes a held ticket from object and records it.
	// Codes: those of objectv1 BeginPut.
	Begin(ctx context.Context, r BeginRequest) (Ingest, error)
	// Renew extends the lease and grows the reservation. Idempotent. Codes:
	// upload.gone, and those of objectv1 RenewPut.
	Renew(ctx context.Context, r RenewRequest) (Ingest, error)
	// End forgets an ingest that was committed, or aborts it. Idempotent; an
	// unknown one is no error. An abort that object cannot do now is done by the
	// sweep.
	End(ctx context.Context, r EndRequest) (EndResponse, error)
	// List pages through the ingests in flight by version id, which is stable
	// while leases move; for operators. Codes: invalid_request (limit).
	List(ctx context.Context, r ListRequest) (ListResponse, error)

	// CreateMultipart opens a multipart upload, which lives until it is completed,
	// aborted, or expires. Codes: those of objectv1 BeginPut.
	CreateMultipart(ctx context.Context, r CreateMultipartRequest) (Multipart, error)
	// BeginPart authorises a part and checks number, size and quota before its
	// bytes are read; it writes nothing. Codes: upload.no_such_upload,
	// upload.invalid_part_number, objectv1's.
	BeginPart(ctx context.Context, r BeginPartRequest) (PartTicket, error)
	// CommitPart keeps a part; of several with one number the last commit counts.
	// Codes: upload.no_such_upload, object.quota_exceeded.
	CommitPart(ctx context.Context, r CommitPartRequest) (Part, error)
	// ListParts pages through the parts. Codes: upload.no_such_upload.
	ListParts(ctx context.Context, r ListPartsRequest) (ListPartsResponse, error)
	// CompleteMultipart makes the parts one object, without moving bytes. The same
	// list again gives the same answer, until the upload would have expired.
	// Codes: upload.no_such_upload, upload.invalid_part,
	// upload.invalid_part_order, upload.part_too_small,
	// upload.complete_in_progress, object.precondition_failed.
	CompleteMultipart(ctx context.Context, r CompleteMultipartRequest) (objectv1.Object, error)
	// AbortMultipart gives an upload up and its space back. Idempotent. Codes:
	// upload.no_such_upload for one that never was, or was completed.
	AbortMultipart(ctx context.Context, r MultipartRequest) (Empty, error)
	// ListMultiparts pages through the open uploads of a bucket.
	ListMultiparts(ctx context.Context, r ListMultipartsRequest) (ListMultipartsResponse, error)

	// CreateSession opens a resumable session. It lives until it is finished,
	// cancelled, or expires, and its answer as long as it would have. Codes: those
	// of objectv1 BeginPut, invalid_request.
	CreateSession(ctx context.Context, r CreateSessionRequest) (CreatedSession, error)
	// GetSession tells how far a session came. Codes: upload.session_gone, for one
	// that expired or was cancelled too.
	GetSession(ctx context.Context, r SessionRequest) (Session, error)
	// AcquireSession makes the caller the session's writer. One that is finished is
	// given without a fence. Codes: upload.session_gone, upload.session_busy (with
	// RetryAfter), upload.size_mismatch, object.too_large, object.quota_exceeded.
	AcquireSession(ctx context.Context, r AcquireSessionRequest) (SessionLease, error)
	// AppendSession makes contents durable behind what is there, and renews the
	// lease. A repeat with the same content ids is known. Contents of an Append
	// that was refused, or that another one took the place of, are given up: their
	// bytes come again under new ids. Codes: upload.session_gone,
	// upload.session_busy (another writer has it), upload.session_done,
	// upload.wrong_offset, object.too_large, object.quota_exceeded,
	// invalid_request.
	AppendSession(ctx context.Context, r AppendSessionRequest) (SessionLease, error)
	// ReleaseSession lets the next writer in at once. Idempotent; a fence that is no
	// longer the latest does nothing.
	ReleaseSession(ctx context.Context, r ReleaseSessionRequest) (Empty, error)
	// FinishSession commits the object. Idempotent: the answer repeats; it does not
	// say where the bytes are. Refused, or without an answer, it leaves everything
	// as it is, for another one. Codes: upload.session_gone, upload.session_busy,
	// upload.wrong_offset (bytes are missing), upload.size_mismatch, and those of
	// objectv1 CommitPut.
	FinishSession(ctx context.Context, r FinishSessionRequest) (objectv1.Object, error)
	// CancelSession gives a session up, and its space back. Idempotent. Codes:
	// upload.session_gone for one that never was, or expired; upload.session_done
	// for one whose object is committed.
	CancelSession(ctx context.Context, r SessionRequest) (Empty, error)
}
