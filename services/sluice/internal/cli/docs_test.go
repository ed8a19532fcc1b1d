package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/sluicehq/sluice/services/sluice/internal/cli"
)

// deploy is where the files for operators are.
const deploy = "../../../../deploy"

// TestIndexes_FilesAreFresh: deploy/mongo holds what the code declares.
func TestIndexes_FilesAreFresh(t *testing.T) {
	t.Parallel()
	for file, args := range map[string][]string{"indexes.js": {"config", "indexes"}, "shards.js": {"config", "indexes", "--shards"}} {
		var out bytes.Buffer
		if err := cli.Run(t.Context(), args, strings.NewReader(""), &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		have, err := os.ReadFile(filepath.Join(deploy, "mongo", file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, out.Bytes()) {
			t.Errorf("deploy/mongo/%s is stale: sluice %s", file, strings.Join(args, " "))
		}
	}
}

// TestCompose_NATSReadsItsConfiguration: nats-server takes deploy/compose/nats.conf
// with what 'bus users' writes beside it.
func TestCompose_NATSReadsItsConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := cli.Run(t.Context(), []string{"bus", "users", "--dir", dir}, strings.NewReader(""), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	conf, err := os.ReadFile(filepath.Join(deploy, "compose", "nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	routes := `authorization { user: route, password: "word" }
routes: [nats-route://route:word@nats-1:6222]
`
	path := filepath.Join(dir, "nats.conf")
	if err := errors.Join(os.WriteFile(path, conf, 0o600), os.WriteFile(filepath.Join(dir, "routes.conf"), []byte(routes), 0o600)); err != nil {
		t.Fatal(err)
	}
	o, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !o.JetStream || !o.SyncAlways || o.Cluster.Name != "sluice" || len(o.Users) != 8 || o.Cluster.Username != "route" {
		t.Errorf("JetStream %t, synced %t, cluster %+v, %d users", o.JetStream, o.SyncAlways, o.Cluster, len(o.Users))
	}
}

// command finds a call of the program in a text, up to where it ends.
var command = regexp.MustCompile("(?m)(?:^\\$ |&& |; |`|'|-> )sluice ([a-z][^`'\"|;&\\n#…()<>]*)")

// TestDocuments_NameCommandsThatThereAre: what the runbook tells to run, and what
// the doctor advises, is a command with those flags.
func TestDocuments_NameCommandsThatThereAre(t *testing.T) {
	t.Parallel()
	n, known := 0, cli.NewKnown()
	for _, path := range []string{
		deploy + "/RUNBOOK.md", deploy + "/README.md", deploy + "/compose/README.md", deploy + "/mongo/README.md", deploy + "/systemd/README.md",
		"../doctor/streams.go", "../doctor/consumers.go", "../doctor/key.go", "../doctor/nats.go", "../doctor/settings.go",
	} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range command.FindAllStringSubmatch(string(b), -1) {
			line := strings.TrimRight(m[1], " .,:")
			n++
			if err := known(strings.Fields(line)); err != nil {
				t.Errorf("%s: sluice %s: %v", path, line, err)
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d commands were found", n)
	}
}

func TestTerminal_ShowsWhatWouldAct(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain ünïcode \"quoted\" 日本": "plain ünïcode \"quoted\" 日本",
		"\x1b[2J\x07":                 `\x1b[2J\a`,
		"a\u202eb\u0085c\x7f":         `a\u202eb\u0085c\x7f`,
		"two\nlines\ttab":             `two\nlines\ttab`,
		"bad\xff":                     `bad\xff`,
	} {
		if got := cli.Visible(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
		var out bytes.Buffer
		if err := cli.PrintJSON(&out, map[string]string{"v": in}); err != nil {
			t.Fatal(err)
		}
		var back map[string]string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["v"] != strings.ToValidUTF8(in, "\ufffd") {
			t.Errorf("%q comes back as %q, %v", in, back["v"], err)
		}
		for _, r := range out.String() {
			if r == 0x7f || r == 0x1b || r == 0x85 || r == 0x202e {
				t.Errorf("JSON of %q holds %q", in, r)
			}
		}
	}
	var out bytes.Buffer
	if err := cli.PrintJSON(&out, "\U000e0001"); err != nil || out.String() != "\"\\udb40\\udc01\"\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}
