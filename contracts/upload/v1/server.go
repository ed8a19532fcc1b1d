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
	)
}
