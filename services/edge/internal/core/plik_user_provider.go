package core

import authv1 "github.com/sluicehq/sluice/contracts/auth/v1"

// Offers reports whether people may log in by a provider: accounts are not
// switched off, and the provider is set up.
func (s PlikSettings) Offers(p authv1.Provider) bool {
	if s.FeatureAuthentication.Off() {
		return false
	}
	switch p {
	case authv1.ProviderLocal:
		return true
	case authv1.ProviderGoogle:
		return s.GoogleAPIClientID != "" && s.GoogleAPISecret != ""
	case authv1.ProviderOVH:
		return s.OVHAPIKey != "" && s.OVHAPISecret != ""
	case authv1.ProviderOIDC:
		return s.OIDCIssuer != "" && s.OIDCClientID != ""
	}
	return false
}

// PlikProviderName is how texts for people spell a provider.
func PlikProviderName(p authv1.Provider) string {
	switch p {
	case authv1.ProviderGoogle:
		return "Google"
	case authv1.ProviderOVH:
		return "OVH"
	case authv1.ProviderOIDC:
		return "OIDC"
	}
	return string(p)
}
