package settings_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/pkg/settings"
)

// FuzzLoad_File: whatever the file holds, Load neither panics nor takes
// something that its own printing does not reproduce.
func FuzzLoad_File(f *testing.F) {
	for _, s := range []string{
		"", "workers: 3\n", "mongodb: {timeout: 1m}\n", "regions: a,b\n", "regions: [a, 1, null]\n", "max: 1e3\n", "on: yes\n",
		"<<: {workers: 1}\n", "a: &a [*a]\n", "? {x: y}\n: z\n", "outbound_allow: [10.0.0.0/8]\n", "ratio: .inf\n", "ratio: .nan\n",
		"1: 2\n", "http_addr: !!binary aGk=\n", "workers: 0x10\n", "data_dir: |\n  two\n  lines\n",
	} {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		in := filepath.Join(dir, "in.yaml")
		if err := os.WriteFile(in, b, 0o600); err != nil {
			t.Fatal(err)
		}
		v, err := settings.Load(defaults(), settings.Source{File: in})
		if err != nil {
			return
		}
		v.Password, v.Mongo.URI = "", ""
		var out bytes.Buffer
		if err := settings.Print(&out, v); err != nil {
			t.Fatal(err)
		}
		if v.Ratio != v.Ratio { // NaN is equal to nothing
			return
		}
		if err := os.WriteFile(in, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := settings.Load(defaults(), settings.Source{File: in})
		if err != nil {
			t.Fatalf("printed settings do not load: %v\n%s", err, out.String())
		}
		if d := cmp.Diff(v, again, equal); d != "" {
			t.Fatalf("%s\n%s", d, out.String())
		}
	})
}

// FuzzParseBytes: a taken text prints as something equal.
func FuzzParseBytes(f *testing.F) {
	for _, s := range []string{"0", "64MiB", "9223372036854775807", "1TB", " 5 kib "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := settings.ParseBytes(s)
		if err != nil {
			return
		}
		again, err := settings.ParseBytes(b.String())
		if err != nil || again != b || b < 0 {
			t.Fatalf("%q is %d, prints %q, reads %d, %v", s, b, b, again, err)
		}
	})
}
