package core_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/services/edge/internal/core"
)

func TestPlikSettings_Validate(t *testing.T) {
	t.Parallel()
	if err := core.DefaultPlik().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]struct {
		names  string // what the sentence names; empty: it is right
		change func(*core.PlikSettings)
	}{
		"a flag":                  {"feature_one_shot", func(s *core.PlikSettings) { s.FeatureOneShot = "on" }},
		"a flag of the page":      {"feature_github", func(s *core.PlikSettings) { s.FeatureGithub = core.PlikForced }},
		"a path without a slash":  {"plik.path", func(s *core.PlikSettings) { s.Path = "plik" }},
		"a path with one more":    {"plik.path", func(s *core.PlikSettings) { s.Path = "/plik/" }},
		"a path":                  {"", func(s *core.PlikSettings) { s.Path = "/a/plik" }},
		"a domain without scheme": {"download_domain", func(s *core.PlikSettings) { s.DownloadDomain = "dl.test" }},
		"a network":               {"", func(s *core.PlikSettings) { s.UploadWhitelist = []string{"10.0.0.0/8", "::1"} }},
		"no network":              {"upload_whitelist", func(s *core.PlikSettings) { s.UploadWhitelist = []string{"10.0.0.0/33"} }},
		"no session":              {"session_timeout", func(s *core.PlikSettings) { s.SessionTimeout = 0 }},
		"an endless session":      {"session_timeout", func(s *core.PlikSettings) { s.SessionTimeout = 1 << 62 * time.Nanosecond }},
		"a provider":              {"", func(s *core.PlikSettings) { s.OIDCIssuer = "https://id.test/realms/a" }},
		"a provider's script":     {"oidc_issuer", func(s *core.PlikSettings) { s.OIDCIssuer = "javascript:alert(1)" }},
		"a provider's query":      {"ovh_api_endpoint", func(s *core.PlikSettings) { s.OVHAPIEndpoint = "https://ovh.test/?a=b" }},
		"no provider":             {"google_endpoint", func(s *core.PlikSettings) { s.GoogleEndpoint = "" }},
	} {
		s := core.DefaultPlik()
		k.change(&s)
		err := s.Validate()
		if (err == nil) != (k.names == "") || err != nil && !strings.Contains(err.Error(), k.names) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
