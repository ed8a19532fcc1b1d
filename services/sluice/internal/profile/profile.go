// Package profile says which server the object commands talk to, and as whom:
// flags, then variables, then a file in the user's configuration directory.
package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/sluicehq/sluice/pkg/wholefile"
)

// The variables. They name no settings of the services.
const (
	EnvEndpoint    = "SLUICE_ENDPOINT"
	EnvAccessKeyID = "SLUICE_ACCESS_KEY_ID"
	EnvSecretKey   = "SLUICE_SECRET_KEY" //nolint:gosec // the name of one
	EnvProfile     = "SLUICE_PROFILE"
	EnvToken       = "SLUICE_TOKEN"   //nolint:gosec // the name of one
	EnvAPIKey      = "SLUICE_API_KEY" //nolint:gosec // the name of one
)

// Variables lists them all.
func Variables() []string {
	return []string{EnvEndpoint, EnvAccessKeyID, EnvSecretKey, EnvProfile, EnvToken, EnvAPIKey}
}

// DefaultName is the profile that is used when none is named.
const DefaultName = "default"

// defaultEndpoint is where 'sluice up' listens.
const defaultEndpoint = "http://127.0.0.1:8080"

// maxFile bounds a profile file, in bytes.
const maxFile = 64 << 10

// Profile is a server with what is known for it: an access key, an account's
// token, an account's API key.
type Profile struct {
	Endpoint    string `json:"endpoint"`
	AccessKeyID string `json:"accessKeyId,omitempty"`
	SecretKey   string `json:"secretKey,omitempty"`
	Token       string `json:"token,omitempty"`
	Username    string `json:"username,omitempty"` // of the token's account
	APIKey      string `json:"apiKey,omitempty"`
}

// sameServer reports whether two endpoints are one.
func sameServer(a, b string) bool { return strings.TrimRight(a, "/") == strings.TrimRight(b, "/") }

// Path gives the file of a profile; an empty name is the default one.
func Path(name string) (string, error) {
	if name == "" {
		name = DefaultName
	}
	if name != filepath.Base(name) || strings.HasPrefix(name, ".") || !filepath.IsLocal(name) {
		return "", fmt.Errorf("%q is no name for a profile", name)
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("looking for the configuration directory: %w", err)
	}
	return filepath.Join(dir, "sluice", name+".json"), nil
}

// Save writes a profile, readable for this user only, and gives its file. A key
// or token of the same server that p has none of stays as it was.
func Save(name string, p Profile) (string, error) {
	if old, err := Load(name); err == nil && sameServer(old.Endpoint, p.Endpoint) {
		if p.AccessKeyID == "" {
			p.AccessKeyID, p.SecretKey = old.AccessKeyID, old.SecretKey
		}
		if p.Token == "" {
			p.Token, p.Username = old.Token, old.Username
		}
		if p.APIKey == "" {
			p.APIKey = old.APIKey
		}
	}
	return write(name, p)
}

// ForgetToken takes the account's token out of a profile.
func ForgetToken(name string) error {
	p, err := Load(name)
	if err != nil {
		return err
	}
	p.Token, p.Username = "", ""
	_, err = write(name, p)
	return err
}

// ForgetAPIKey takes the account's API key out of a profile, and the access key too.
func ForgetAPIKey(name string) error {
	p, err := Load(name)
	if err != nil {
		return err
	}
	p.APIKey, p.AccessKeyID, p.SecretKey = "", "", ""
	_, err = write(name, p)
	return err
}

func write(name string, p Profile) (string, error) {
	path, err := Path(name)
	if err != nil {
		return "", err
	}
	data, err := json.MarshalIndent(p, "", "  ") //nolint:gosec // keeping it is the purpose: mode 0600
	if err != nil {
		return "", fmt.Errorf("encoding the profile: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("making the configuration directory: %w", err)
	}
	if err := wholefile.Replace(path, append(data, '\n')); err != nil {
		return "", fmt.Errorf("writing the profile: %w", err)
	}
	return path, nil
}

// Load reads a profile; fs.ErrNotExist when there is none of that name. A file
// that others can read is refused, as its secret is one no more.
func Load(name string) (Profile, error) {
	path, err := Path(name)
	if err != nil {
		return Profile{}, err
	}
	st, err := os.Stat(path)
	if err != nil {
		return Profile{}, fmt.Errorf("reading the profile: %w", err)
	}
	if runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0 {
		return Profile{}, fmt.Errorf("%s holds a secret, but others can read it: chmod 600 %s", path, path)
	}
	if st.Size() > maxFile {
		return Profile{}, fmt.Errorf("%s is no profile: it has %d bytes", path, st.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Profile{}, fmt.Errorf("reading the profile: %w", err)
	}
	var p Profile
	if err := json.Unmarshal(data, &p); err != nil {
		return Profile{}, fmt.Errorf("reading %s: %w", path, err)
	}
	return p, nil
}

// Choice is what the command line says.
type Choice struct {
	Name, Endpoint, AccessKeyID string
}

// Named gives the profile's name, which the command line or a variable may say.
func (c Choice) Named(getenv func(string) string) string { return first(c.Name, getenv(EnvProfile)) }

// load reads the profile; an empty one when none was named and there is none.
func (c Choice) load(getenv func(string) string) (Profile, error) {
	named := c.Named(getenv)
	file, err := Load(named)
	if errors.Is(err, fs.ErrNotExist) && named == "" {
		return Profile{}, nil
	}
	return file, err
}

// Account is Resolve for commands that speak for an account: with its token, or
// as a guest when there is none. A token that was kept is never shown to another
// server than its own.
func Account(c Choice, getenv func(string) string) (Profile, error) {
	file, err := c.load(getenv)
	if err != nil {
		return Profile{}, err
	}
	p := Profile{Endpoint: first(c.Endpoint, getenv(EnvEndpoint), file.Endpoint, defaultEndpoint), Token: getenv(EnvToken)}
	if p.Token == "" && sameServer(p.Endpoint, file.Endpoint) {
		p.Token, p.Username = file.Token, file.Username
	}
	return p, nil
}

// Containers is Resolve for commands about link containers: with an API key, or
// else an access key, or with neither, which is enough for what everybody may. What
// was kept is never shown to another server than its own.
func Containers(c Choice, getenv func(string) string) (Profile, error) {
	file, err := c.load(getenv)
	if err != nil {
		return Profile{}, err
	}
	p := Profile{Endpoint: first(c.Endpoint, getenv(EnvEndpoint), file.Endpoint, defaultEndpoint), APIKey: getenv(EnvAPIKey)}
	id, secret := getenv(EnvAccessKeyID), getenv(EnvSecretKey)
	switch own := sameServer(p.Endpoint, file.Endpoint); {
	case p.APIKey != "":
	case id != "" && secret != "":
		p.AccessKeyID, p.SecretKey = id, secret
	case id != "" || secret != "":
		return Profile{}, fmt.Errorf("%s and %s belong together, and one of them is missing", EnvAccessKeyID, EnvSecretKey)
	case own && file.APIKey != "":
		p.APIKey = file.APIKey
	case own:
		p.AccessKeyID, p.SecretKey = file.AccessKeyID, file.SecretKey
	}
	return p, nil
}

// Resolve joins the command line, the variables (getenv) and the file. An id
// and a secret always come from the same place: a secret is never tried with
// another key.
func Resolve(c Choice, getenv func(string) string) (Profile, error) {
	file, err := c.load(getenv)
	if err != nil {
		return Profile{}, err
	}
	p := Profile{Endpoint: first(c.Endpoint, getenv(EnvEndpoint), file.Endpoint, defaultEndpoint)}
	env := Profile{AccessKeyID: first(c.AccessKeyID, getenv(EnvAccessKeyID)), SecretKey: getenv(EnvSecretKey)}
	switch {
	case env.AccessKeyID != "" && env.SecretKey != "":
		p.AccessKeyID, p.SecretKey = env.AccessKeyID, env.SecretKey
	case file.AccessKeyID != "" && (env.AccessKeyID == "" || env.AccessKeyID == file.AccessKeyID) && env.SecretKey == "":
		p.AccessKeyID, p.SecretKey = file.AccessKeyID, file.SecretKey
	case env.AccessKeyID != "":
		return Profile{}, fmt.Errorf("the secret of access key %s is missing: set %s", env.AccessKeyID, EnvSecretKey)
	case env.SecretKey != "":
		return Profile{}, fmt.Errorf("%s is set, but no access key: set %s", EnvSecretKey, EnvAccessKeyID)
	default:
		return Profile{}, fmt.Errorf("no access key: run 'sluice configure', or set %s and %s", EnvAccessKeyID, EnvSecretKey)
	}
	return p, nil
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
