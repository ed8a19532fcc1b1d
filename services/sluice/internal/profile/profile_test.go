package profile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/services/sluice/internal/profile"
)

func home(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("HOME", dir)
	return dir
}

func TestResolve_Table(t *testing.T) {
	home(t)
	if _, err := profile.Save("", profile.Profile{Endpoint: "https://file", AccessKeyID: "LWAKFILE", SecretKey: "file-secret"}); err != nil {
		t.Fatal(err)
	}
	if _, err := profile.Save("work", profile.Profile{Endpoint: "https://work", AccessKeyID: "LWAKWORK", SecretKey: "work-secret"}); err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		name   string
		choice profile.Choice
		env    map[string]string
		want   string // endpoint key secret; or a piece of the error
		ok     bool
	}{
		{"file", profile.Choice{}, nil, "https://file LWAKFILE file-secret", true},
		{"named", profile.Choice{Name: "work"}, nil, "https://work LWAKWORK work-secret", true},
		{"named by a variable", profile.Choice{}, map[string]string{profile.EnvProfile: "work"}, "https://work LWAKWORK work-secret", true},
		{"variables", profile.Choice{}, map[string]string{profile.EnvAccessKeyID: "LWAKENV", profile.EnvSecretKey: "s", profile.EnvEndpoint: "https://env"}, "https://env LWAKENV s", true},
		{"flags win", profile.Choice{Endpoint: "https://flag", AccessKeyID: "LWAKFLAG"}, map[string]string{profile.EnvAccessKeyID: "LWAKENV", profile.EnvSecretKey: "s"}, "https://flag LWAKFLAG s", true},
		{"the file's own key by its id", profile.Choice{AccessKeyID: "LWAKFILE"}, nil, "https://file LWAKFILE file-secret", true},
		{"a key without its secret", profile.Choice{AccessKeyID: "LWAKOTHER"}, nil, "LWAKOTHER", false},
		{"a secret without its key", profile.Choice{}, map[string]string{profile.EnvSecretKey: "s"}, "SLUICE_ACCESS_KEY_ID", false},
		{"a profile that is not there", profile.Choice{Name: "none"}, nil, "none.json", false},
		{"a name that climbs", profile.Choice{Name: "../x"}, nil, "no name", false},
	} {
		p, err := profile.Resolve(k.choice, func(name string) string { return k.env[name] })
		got := p.Endpoint + " " + p.AccessKeyID + " " + p.SecretKey
		if k.ok && (err != nil || got != k.want) || !k.ok && (err == nil || !strings.Contains(err.Error(), k.want) || strings.Contains(err.Error(), "-secret")) {
			t.Errorf("%s: %q %v", k.name, got, err)
		}
	}
}

func TestResolve_Nothing(t *testing.T) {
	home(t)
	none := func(string) string { return "" }
	if _, err := profile.Resolve(profile.Choice{}, none); err == nil || !strings.Contains(err.Error(), "sluice configure") {
		t.Error(err)
	}
	env := func(name string) string {
		return map[string]string{profile.EnvAccessKeyID: "a", profile.EnvSecretKey: "b"}[name]
	}
	if p, err := profile.Resolve(profile.Choice{}, env); err != nil || p.Endpoint != "http://127.0.0.1:8080" {
		t.Errorf("%+v %v", p, err)
	}
}

func TestSave_Mode(t *testing.T) {
	home(t)
	path, err := profile.Save("", profile.Profile{SecretKey: "s"})
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".profile-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := profile.Load(""); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file for all: %v", err)
	}
	if _, err := profile.Save("", profile.Profile{SecretKey: "t"}); err != nil {
		t.Fatal(err)
	}
	if p, err := profile.Load(""); err != nil || p.SecretKey != "t" {
		t.Errorf("saving again closes it: %v", err)
	}
	for _, bad := range []string{"", "not json", `{"endpoint":7}`, strings.Repeat("x", 1<<17)} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := profile.Load(""); err == nil {
			t.Errorf("%.20q is taken", bad)
		}
	}
}

func TestAccount_TokenStaysWithItsServer(t *testing.T) {
	home(t)
	if _, err := profile.Save("", profile.Profile{Endpoint: "https://file", AccessKeyID: "LWAK", SecretKey: "s"}); err != nil {
		t.Fatal(err)
	}
	if _, err := profile.Save("", profile.Profile{Endpoint: "https://file", Token: "slt_file", Username: "alice"}); err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		name   string
		choice profile.Choice
		env    map[string]string
		want   string // endpoint token user
	}{
		{"file", profile.Choice{}, nil, "https://file slt_file alice"},
		{"same server", profile.Choice{Endpoint: "https://file/"}, nil, "https://file/ slt_file alice"},
		{"another server", profile.Choice{Endpoint: "https://other"}, nil, "https://other  "},
		{"another server by a variable", profile.Choice{}, map[string]string{profile.EnvEndpoint: "https://other"}, "https://other  "},
		{"a variable's token", profile.Choice{}, map[string]string{profile.EnvToken: "slt_env"}, "https://file slt_env "},
		{"a variable's token anywhere", profile.Choice{Endpoint: "https://other"}, map[string]string{profile.EnvToken: "slt_env"}, "https://other slt_env "},
	} {
		p, err := profile.Account(k.choice, func(name string) string { return k.env[name] })
		if got := p.Endpoint + " " + p.Token + " " + p.Username; err != nil || got != k.want || p.SecretKey != "" {
			t.Errorf("%s: %q, %v", k.name, got, err)
		}
	}
	if p, err := profile.Load(""); err != nil || p.AccessKeyID != "LWAK" || p.Token != "slt_file" {
		t.Errorf("one of them is lost: %+v, %v", p, err)
	}
	if _, err := profile.Save("", profile.Profile{Endpoint: "https://new", AccessKeyID: "LWAKNEW", SecretKey: "n"}); err != nil {
		t.Fatal(err)
	}
	if p, err := profile.Load(""); err != nil || p.Token != "" || p.AccessKeyID != "LWAKNEW" {
		t.Errorf("a token of another server stays: %+v, %v", p, err)
	}
	if _, err := profile.Account(profile.Choice{Name: "none"}, func(string) string { return "" }); err == nil {
		t.Error("a profile that is not there")
	}
	if err := profile.ForgetToken("none"); err == nil {
		t.Error("a profile that is not there is forgotten")
	}
}
