package webhook

import webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"

// Calls is the endpoint itself, after Start.
func (s *Service) Calls() webhookv1.Service { return s.calls }
