package store

import (
	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

// The purposes of the master key that upload alone uses.
const (
	purposePlikToken    = "plik-upload-token" //nolint:gosec // the name of a purpose: sealing of uploads' tokens
	purposePlikPassword = "plik-password"     //nolint:gosec // the name of a purpose: codes of uploads' passwords
)

// PlikVault implements domain.PlikVault by the master key.
type PlikVault struct {
	tokens    *keys.Sealer
	passwords *keys.Signer
}

var _ domain.PlikVault = (*PlikVault)(nil)

// NewPlikVault derives what temporary uploads need.
func NewPlikVault(m *keys.Master) *PlikVault {
	return &PlikVault{m.Sealer(purposePlikToken), m.Signer(purposePlikPassword)}
}

// Seal implements domain.PlikVault.
func (v *PlikVault) Seal(upload, token string) ([]byte, error) {
	return v.tokens.Seal([]byte(token), []byte(upload))
}

// Open implements domain.PlikVault.
func (v *PlikVault) Open(upload string, sealed []byte) (string, error) {
	b, err := v.tokens.Open(sealed, []byte(upload))
	return string(b), err
}

// Code implements domain.PlikVault.
func (v *PlikVault) Code(upload, credential string) []byte {
	return v.passwords.Sign([]byte(upload + credential))
}

// Matches implements domain.PlikVault.
func (v *PlikVault) Matches(upload, credential string, code []byte) bool {
	return v.passwords.Verify([]byte(upload+credential), code)
}
