package linkchecker

import (
	"context"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
)

// Check ends a check of a URL, after Start.
func (s *Service) Check(ctx context.Context, url string, f linksv1test.Found, at time.Time) error {
	a, err := linksv1.ParseURL(url)
	if err != nil {
		return err
	}
	return s.domain.Record(ctx, domain.Result{
		URLID: domain.URLID(a.Normal), At: at, Status: f.Status, Reason: f.Reason, HTTPStatus: f.HTTPStatus, Name: f.Name, Size: f.Size,
	})
}
