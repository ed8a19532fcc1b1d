package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var assignment = regexp.MustCompile(`(SLUICE_[A-Z_]+)=`)

func TestUnits_NameSettingsThatExist(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(root, "deploy", "systemd", "*"))
	if err != nil || len(files) < 6 {
		t.Fatalf("%v, %v", files, err)
	}
	there := settings(t)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range assignment.FindAllStringSubmatch(string(b), -1) {
			there.known(t, f, m[1])
		}
	}
	there.knownKeys(t, "sluice.yaml", read(t, "deploy", "systemd", "sluice.yaml"))
	there.knownKeys(t, "secrets.sh", between(t, read(t, "deploy", "compose", "secrets.sh"), "sluice.yaml\" <<END\n", "END\n"))
}

func between(t *testing.T, s, from, to string) string {
	t.Helper()
	_, s, ok := strings.Cut(s, from)
	if s, _, ok2 := strings.Cut(s, to); ok && ok2 {
		return s
	}
	t.Fatalf("nothing between %q and %q", from, to)
	return ""
}

func TestUnits_AreHardened(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"sluice.service", "sluice@.service", "sluice-doctor.service"} {
		text := read(t, "deploy", "systemd", unit)
		for _, want := range []string{
			"User=sluice", "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes", "CapabilityBoundingSet=\n",
			"RestrictNamespaces=yes", "MemoryDenyWriteExecute=yes", "SystemCallFilter=@system-service", "LoadCredential=", "StandardOutput=journal", "UMask=0077",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s", unit, want)
			}
		}
	}
	service := read(t, "deploy", "systemd", "sluice@.service")
	if !strings.Contains(service, "LoadCredential=nats-%i.json") || strings.Contains(service, "LoadCredential=nats.json") {
		t.Error("a service gets other credentials than its own")
	}
}

// TestUnits_Verify has systemd read them, with a program that exists here.
func TestUnits_Verify(t *testing.T) {
	t.Parallel()
	bin, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze")
	}
	dir := t.TempDir()
	var units []string
	for _, unit := range []string{"sluice.service", "sluice@.service", "sluice-doctor.service", "sluice-doctor.timer"} {
		path := filepath.Join(dir, unit)
		text := strings.ReplaceAll(read(t, "deploy", "systemd", unit), "/usr/bin/sluice", "/bin/true")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		units = append(units, strings.Replace(path, "@.", "@edge.", 1))
	}
	out, err := exec.CommandContext(t.Context(), bin, append([]string{"verify", "--man=no"}, units...)...).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "sluice") { // of units of this machine it complains, too
			t.Errorf("%s", line)
		}
	}
	if err != nil && len(out) == 0 {
		t.Error(err)
	}
}
