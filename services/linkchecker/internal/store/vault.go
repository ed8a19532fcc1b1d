package store

import (
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
)

// passPrefix begins every pass.
const passPrefix = "lkp_"

// Passes implements domain.Passes by the master key.
type Passes struct{ t *keys.Token }

var _ domain.Passes = (*Passes)(nil)

// NewPasses derives what passes need.
func NewPasses(m *keys.Master) *Passes { return &Passes{m.Token(linksv1.PurposePass, passPrefix)} }

// Mint implements domain.Passes.
func (p *Passes) Mint(v domain.Pass) (string, error) { return p.t.Mint(v) }

// Parse implements domain.Passes.
func (p *Passes) Parse(token string) (v domain.Pass, err error) {
	err = p.t.Parse(token, &v)
	return v, err
}
