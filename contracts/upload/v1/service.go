// Package uploadv1 is the contract of the upload service: what is on its way in,
// from the first byte until it is committed, given up or abandoned.
package uploadv1

import "context"

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
}
