package store

import (
	"encoding/hex"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/keys"
)

// The purposes of the master key that auth alone uses.
const (
	purposeAccountToken = "account-token"     // keyed hash of account tokens
	purposeKeySecret    = "access-key-secret" //nolint:gosec // the name of a purpose: sealing of the secrets of keys and upload tokens
)

// Vault implements domain.Vault by the master key.
type Vault struct {
	tokens  *keys.Signer
	secrets *keys.Sealer
	access  *keys.Token
}

// NewVault derives what auth needs.
func NewVault(m *keys.Master) *Vault {
	return &Vault{
		tokens: m.Signer(purposeAccountToken), secrets: m.Sealer(purposeKeySecret),
		access: m.Token(authv1.PurposeAccessToken, authv1.TokenPrefix),
	}
}

// TokenIDs implements domain.Vault.
func (v *Vault) TokenIDs(token string) []string {
	codes := v.tokens.All([]byte(token))
	out := make([]string, len(codes))
	for i, c := range codes {
		out[i] = hex.EncodeToString(c)
	}
	return out
}

// Seal implements domain.Vault.
func (v *Vault) Seal(id, secret string) ([]byte, error) {
	return v.secrets.Seal([]byte(secret), []byte(id))
}

// Open implements domain.Vault.
func (v *Vault) Open(id string, sealed []byte) (string, error) {
	b, err := v.secrets.Open(sealed, []byte(id))
	return string(b), err
}

// Mint implements domain.Vault.
func (v *Vault) Mint(c authv1.TokenClaims) (string, error) { return v.access.Mint(c) }
