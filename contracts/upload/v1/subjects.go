package uploadv1

import "github.com/sluicehq/sluice/pkg/rpc"

// The calls of upload.
var (
	Begin = rpc.Method[BeginRequest, Ingest]{Subject: "upload.v1.begin"}
	Renew = rpc.Method[RenewRequest, Ingest]{Subject: "upload.v1.renew", Idempotent: true}
	End   = rpc.Method[EndRequest, EndResponse]{Subject: "upload.v1.end", Idempotent: true}
	List  = rpc.Method[ListRequest, ListResponse]{Subject: "upload.v1.list", Idempotent: true}
)
