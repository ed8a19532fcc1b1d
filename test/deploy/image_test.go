package deploy_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/sluicehq/sluice/test/harness"
)

// stages reads the build file as BuildKit does.
func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	r, err := parser.Parse(strings.NewReader(read(t, "deploy", "container", "Containerfile")))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Warnings) > 0 {
		t.Errorf("%v", r.Warnings)
	}
	out, _, err := instructions.Parse(r.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// of gives the instructions of one kind of a stage.
func of[T instructions.Command](s instructions.Stage) []T {
	var out []T
	for _, c := range s.Commands {
		if x, ok := c.(T); ok {
			out = append(out, x)
		}
	}
	return out
}

func TestImage_HoldsOneStaticProgram(t *testing.T) {
	t.Parallel()
	all := stages(t)
	last := all[len(all)-1]
	if last.BaseName != "scratch" || len(of[*instructions.RunCommand](last)) > 0 {
		t.Errorf("the image is made from %s", last.BaseName)
	}
	user := of[*instructions.UserCommand](last)
	if len(user) != 1 || !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(user[0].User) {
		t.Errorf("user %v: orchestrators want a number", user)
	}
	health := of[*instructions.HealthCheckCommand](last)
	if len(health) != 1 || health[0].Health.Test[0] != "CMD" || health[0].Health.Test[1] != "/usr/bin/sluice" {
		t.Errorf("health check %+v: there is no shell", health)
	}
	entry := of[*instructions.EntrypointCommand](last)
	if len(entry) != 1 || entry[0].PrependShell || entry[0].CmdLine[0] != "/usr/bin/sluice" {
		t.Errorf("entrypoint %+v", entry)
	}
	labels := map[string]bool{}
	for _, l := range of[*instructions.LabelCommand](last) {
		for _, kv := range l.Labels {
			labels[kv.Key] = true
		}
	}
	for _, want := range []string{"title", "description", "source", "licenses", "version", "revision"} {
		if !labels["org.opencontainers.image."+want] {
			t.Errorf("no label %s", want)
		}
	}
	there := settings(t)
	for _, e := range of[*instructions.EnvCommand](last) {
		for _, kv := range e.Env {
			there.known(t, "Containerfile", kv.Key)
		}
	}
	text := read(t, "deploy", "container", "Containerfile")
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(read(t, "go.work"))[1]
	if !strings.Contains(text, "ARG GO_VERSION="+version) || !strings.Contains(text, "CGO_ENABLED=0") {
		t.Errorf("it is not built by Go %s without C", version)
	}
	m := regexp.MustCompile(`-X github.com/sluicehq/sluice/(\S+)\.(\w+)=\$\{VERSION\}`).FindStringSubmatch(text)
	if m == nil || !strings.Contains(read(t, m[1], "version.go"), "\nvar "+m[2]+" string\n") || !regexp.MustCompile(`ARG VERSION=\w+\n(#.*\n)*RUN `).MatchString(text) {
		t.Errorf("the program does not know its version: %v", m)
	}
	ignore := strings.Split(read(t, "deploy", "container", "Containerfile.dockerignore"), "\n")
	for _, secret := range []string{".git", "data", "deploy/compose/secrets"} {
		if !slices.Contains(ignore, secret) {
			t.Errorf("%s gets into the build", secret)
		}
	}
}

var (
	goBuild = regexp.MustCompile(`go build .*`)
	quoted  = regexp.MustCompile(`-ldflags="([^"]*)"`)
)

// TestImage_RunsInAnEmptyRoot builds the program as the image does, and runs it as
// the image's user where there is nothing but it.
func TestImage_RunsInAnEmptyRoot(t *testing.T) {
	t.Parallel()
	if !harness.Soak() {
		t.Skip("it compiles everything once more (make soak)")
	}
	if os.Getuid() != 0 {
		t.Skip("only root may change the root directory")
	}
	dir := t.TempDir()
	line := goBuild.FindString(strings.ReplaceAll(read(t, "deploy", "container", "Containerfile"), "\\\n", " "))
	args := strings.Fields(quoted.ReplaceAllString(line, ""))
	i := slices.Index(args, "-o")
	if i < 0 {
		t.Fatalf("the build line: %v", args)
	}
	args[i+1] = filepath.Join(dir, "usr", "bin", "sluice")
	flags := strings.ReplaceAll(quoted.FindStringSubmatch(line)[1], "${VERSION}", "v9.8.7")
	args = slices.Insert(args, 2, "-ldflags", flags)
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, d := range []string{"var/lib/sluice", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(filepath.Join(dir, d), 65532, 65532); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // another user looks into it
		t.Fatal(err)
	}
	inside := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "/usr/bin/sluice", args...)
		cmd.SysProcAttr = jailed(dir)
		cmd.Env = []string{"SLUICE_DATA_DIR=/var/lib/sluice"}
		cmd.Dir = "/"
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := inside("version"); err != nil || strings.TrimSpace(out) != "v9.8.7" {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := inside("config", "check"); err != nil || !strings.Contains(out, "are good") {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := inside("master-key", "create"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := inside("ready"); err == nil || !strings.Contains(out, "is it running?") {
		t.Errorf("%v: %s", err, out)
	}
}

// selfSigned writes a certificate and its key into one file.
func selfSigned(t *testing.T, path string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err = errors.Join(err, os.WriteFile(path, append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})...), 0o600)); err != nil {
		t.Fatal(err)
	}
}
