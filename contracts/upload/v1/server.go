package uploadv1

import (
	"errors"

	"github.com/sluicehq/sluice/pkg/rpc"
)

// Register serves svc on s.
func Register(s *rpc.Server, svc Service) error {
	return errors.Join(
		rpc.Handle(s, Begin, svc.Begin),
		rpc.Handle(s, Renew, svc.Renew),
		rpc.Handle(s, End, svc.End),
		rpc.Handle(s, List, svc.List),
		rpc.Handle(s, CreateMultipart, svc.CreateMultipart),
		rpc.Handle(s, BeginPart, svc.BeginPart),
		rpc.Handle(s, CommitPart, svc.CommitPart),
		rpc.Handle(s, ListParts, svc.ListParts),
		rpc.Handle(s, CompleteMultipart, svc.CompleteMultipart),
		rpc.Handle(s, AbortMultipart, svc.AbortMultipart),
		rpc.Handle(s, ListMultiparts, svc.ListMultiparts),
		rpc.Handle(s, CreateSession, svc.CreateSession),
		rpc.Handle(s, GetSession, svc.GetSession),
		rpc.Handle(s, AcquireSession, svc.AcquireSession),
		rpc.Handle(s, AppendSession, svc.AppendSession),
		rpc.Handle(s, ReleaseSession, svc.ReleaseSession),
		rpc.Handle(s, FinishSession, svc.FinishSession),
		rpc.Handle(s, CancelSession, svc.CancelSession),
	)
}
