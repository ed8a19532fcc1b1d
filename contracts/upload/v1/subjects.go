package uploadv1

import (
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/rpc"
)

// The calls of upload.
var (
	Begin = rpc.Method[BeginRequest, Ingest]{Subject: "upload.v1.begin"}
	Renew = rpc.Method[RenewRequest, Ingest]{Subject: "upload.v1.renew", Idempotent: true}
	End   = rpc.Method[EndRequest, EndResponse]{Subject: "upload.v1.end", Idempotent: true}
	List  = rpc.Method[ListRequest, ListResponse]{Subject: "upload.v1.list", Idempotent: true}

	CreateMultipart   = rpc.Method[CreateMultipartRequest, Multipart]{Subject: "upload.v1.create_multipart"}
	BeginPart         = rpc.Method[BeginPartRequest, PartTicket]{Subject: "upload.v1.begin_part", Idempotent: true}
	CommitPart        = rpc.Method[CommitPartRequest, Part]{Subject: "upload.v1.commit_part", Idempotent: true}
	ListParts         = rpc.Method[ListPartsRequest, ListPartsResponse]{Subject: "upload.v1.list_parts", Idempotent: true}
	CompleteMultipart = rpc.Method[CompleteMultipartRequest, objectv1.Object]{Subject: "upload.v1.complete_multipart", Timeout: time.Minute, Idempotent: true}
	AbortMultipart    = rpc.Method[MultipartRequest, Empty]{Subject: "upload.v1.abort_multipart", Idempotent: true}
	ListMultiparts    = rpc.Method[ListMultipartsRequest, ListMultipartsResponse]{Subject: "upload.v1.list_multiparts", Idempotent: true}

	CreateSession  = rpc.Method[CreateSessionRequest, CreatedSession]{Subject: "upload.v1.create_session"}
	GetSession     = rpc.Method[SessionRequest, Session]{Subject: "upload.v1.get_session", Idempotent: true}
	AcquireSession = rpc.Method[AcquireSessionRequest, SessionLease]{Subject: "upload.v1.acquire_session"}
	AppendSession  = rpc.Method[AppendSessionRequest, SessionLease]{Subject: "upload.v1.append_session", Idempotent: true}
	ReleaseSession = rpc.Method[ReleaseSessionRequest, Empty]{Subject: "upload.v1.release_session", Idempotent: true}
	FinishSession  = rpc.Method[FinishSessionRequest, objectv1.Object]{Subject: "upload.v1.finish_session", Timeout: time.Minute, Idempotent: true}
	CancelSession  = rpc.Method[SessionRequest, Empty]{Subject: "upload.v1.cancel_session", Idempotent: true}
)
