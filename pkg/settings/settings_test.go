package settings_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/pkg/settings"
)

type mongo struct {
	URI     settings.Secret `koanf:"uri" doc:"connection string"`
	Timeout time.Duration   `koanf:"timeout" doc:"of one operation"`
}

type Common struct {
	DataDir string `koanf:"data_dir" doc:"where everything is kept"`
}

type config struct {
	Common   `koanf:",squash"`
	Addr     string          `koanf:"http_addr" doc:"where HTTP listens"`
	Max      settings.Bytes  `koanf:"max" doc:"size | bound"`
	Allow    []netip.Prefix  `koanf:"outbound_allow" doc:"networks"`
	Regions  []string        `koanf:"regions" doc:"list"`
	Workers  int             `koanf:"workers" doc:"how many"`
	On       bool            `koanf:"on" doc:"switch"`
	Ratio    float64         `koanf:"ratio" doc:"share"`
	Password settings.Secret `koanf:"admin_password" flag:"-" doc:"of the admin"`
	Mongo    mongo           `koanf:"mongodb"`
}

func (c config) Validate() error {
	if c.Workers < 0 {
		return fmt.Errorf("workers %d: it is not negative", c.Workers)
	}
	return nil
}

func defaults() config {
	return config{
		Common: Common{DataDir: "./data"}, Addr: "127.0.0.1:8080", Max: 64 << 20, Regions: []string{"local", "far"},
		Workers: 4, Ratio: 0.5, Mongo: mongo{Timeout: 5 * time.Second},
	}
}

var equal = cmp.Options{cmp.AllowUnexported(config{}), cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty()}

func file(t *testing.T, text string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "sluice.yaml")
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func flags(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	if err := settings.Bind(fs, defaults()); err != nil {
		t.Fatal(err)
	}
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return fs
}

func TestLoad_DefaultsAlone(t *testing.T) {
	t.Parallel()
	got, err := settings.Load(defaults(), settings.Source{Flags: flags(t)})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(defaults(), got, equal); d != "" {
		t.Error(d)
	}
}

func TestLoad_EachSourceOverlaysTheOneBefore(t *testing.T) {
	t.Parallel()
	src := settings.Source{
		File: file(t, "data_dir: /srv/a\nhttp_addr: file:1\nworkers: 1\nmax: 4096\nregions: [one]\non: true\nratio: 0.25\n"+
			"mongodb:\n  uri: mongodb://file\n  timeout: 1s\noutbound_allow: [10.0.0.0/8, 'fd00::/8']\nadmin_password:\n"),
		Env: []string{
			"SLUICE_HTTP_ADDR=env:2", "SLUICE_WORKERS=2", "SLUICE_MONGODB_URI=mongodb://env", "SLUICE_MAX=100GB",
			"SLUICE_REGIONS=", "SLUICE_OUTBOUND_ALLOW=127.0.0.0/8, ::1/128", "SLUICE_SERVICE_HOST=10.1.2.3", "PATH=/bin",
		},
		Flags: flags(t, "--workers=3", "--max", "1GiB", "--on=false", "--mongodb-timeout", "2s"),
	}
	got, err := settings.Load(defaults(), src)
	if err != nil {
		t.Fatal(err)
	}
	want := config{
		Common: Common{DataDir: "/srv/a"}, Addr: "env:2", Workers: 3, Max: 1 << 30, Regions: []string{"one"}, Ratio: 0.25,
		Mongo: mongo{URI: "mongodb://env", Timeout: 2 * time.Second},
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
	}
	if d := cmp.Diff(want, got, equal); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"SLUICE_SERVICE_HOST"}, settings.Unknown[config](src)); d != "" {
		t.Error(d)
	}
}

func TestLoad_Refuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string
		env  []string
		args []string
		want string
	}{
		"unknown key":           {file: "http_adr: x\n", want: "unknown settings: http_adr"},
		"unknown nested key":    {file: "mongodb: {url: x}\n", want: "unknown settings: mongodb.url"},
		"key with a dot":        {file: "mongodb.uri: x\n", want: "unknown settings: mongodb.uri"},
		"group as scalar":       {file: "mongodb: x\n", want: "unknown settings: mongodb"},
		"scalar as group":       {file: "http_addr: {a: b}\n", want: "http_addr"},
		"key twice":             {file: "workers: 1\nworkers: 2\n", want: "already"},
		"two documents":         {file: "workers: 1\n---\nworkers: 2\n", want: "more than one"},
		"a list":                {file: "- workers\n", want: "not a mapping"},
		"not yaml":              {file: "a: [\n", want: "not YAML"},
		"wrong number":          {env: []string{"SLUICE_WORKERS=many"}, want: "workers"},
		"duration without unit": {file: "mongodb: {timeout: 5}\n", want: "a duration has a unit"},
		"bad bytes":             {args: []string{"--max=-1"}, want: "number of bytes"},
		"overflowing bytes":     {args: []string{"--max=9999999999TiB"}, want: "number of bytes"},
		"bad prefix":            {env: []string{"SLUICE_OUTBOUND_ALLOW=10.0.0.0"}, want: "outbound_allow"},
		"printed secret":        {file: "admin_password: '***'\n", want: "printed secret"},
		"validate":              {args: []string{"--workers=-1"}, want: "it is not negative"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := settings.Source{Env: c.env, Flags: flags(t, c.args...)}
			if c.file != "" {
				src.File = file(t, c.file)
			}
			_, err := settings.Load(defaults(), src)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	if _, err := settings.Load(defaults(), settings.Source{File: filepath.Join(t.TempDir(), "absent")}); err == nil {
		t.Error("a missing file was taken")
	}
}

func TestLoad_PartsShareAGroup(t *testing.T) {
	t.Parallel()
	type left struct {
		Security struct {
			TTL time.Duration `koanf:"ttl" doc:"of the one"`
		} `koanf:"security"`
	}
	type right struct {
		Security struct {
			Rate int `koanf:"rate" doc:"of the other"`
		} `koanf:"security"`
	}
	type both struct {
		Left  left  `koanf:",squash"`
		Right right `koanf:",squash"`
	}
	c, err := settings.Load(both{}, settings.Source{File: file(t, "security: {ttl: 5s}"), Env: []string{"SLUICE_SECURITY_RATE=7"}})
	if err != nil || c.Left.Security.TTL != 5*time.Second || c.Right.Security.Rate != 7 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := settings.Load(both{}, settings.Source{File: file(t, "security: {ttl: 5s, rat: 7}")}); err == nil {
		t.Error("a misspelt setting of a shared group was taken")
	}
}

func TestLoad_RefusesSettingsDeclaredTwice(t *testing.T) {
	t.Parallel()
	type twice struct {
		A string `koanf:"a_b"`
		B struct {
			B string `koanf:"b"`
		} `koanf:"a"`
	}
	if _, err := settings.Load(twice{}, settings.Source{}); err == nil {
		t.Error("two settings share SLUICE_A_B")
	}
}

func TestPrint_LoadsBackAndHidesSecrets(t *testing.T) {
	t.Parallel()
	v := defaults()
	v.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	v.Addr, v.DataDir, v.Regions = "0x10", "yes: #no", []string{"1", "true", "a,b"}
	var b bytes.Buffer
	if err := settings.Print(&b, v); err != nil {
		t.Fatal(err)
	}
	got, err := settings.Load(defaults(), settings.Source{File: file(t, b.String())})
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if d := cmp.Diff(v, got, equal); d != "" {
		t.Error(d)
	}
	v.Mongo.URI, v.Password = "mongodb://root:hunter2@h", "hunter2"
	b.Reset()
	if err := settings.Print(&b, v); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "hunter2") || strings.Count(b.String(), "***") != 2 {
		t.Errorf("secrets are printed:\n%s", b.String())
	}
}

func TestDiff_OnlyWhatChanged(t *testing.T) {
	t.Parallel()
	v := defaults()
	v.Workers, v.Mongo.URI = 9, "x"
	var b bytes.Buffer
	if err := settings.Diff(&b, defaults(), v); err != nil {
		t.Fatal(err)
	}
	want := "# how many\nworkers: 9\nmongodb:\n  # connection string\n  uri: '***'\n"
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
}

func TestTable_OneRowPerSetting(t *testing.T) {
	t.Parallel()
	got, err := settings.Table(defaults())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| `http_addr` | `SLUICE_HTTP_ADDR` | `--http-addr` | `127.0.0.1:8080` | where HTTP listens |\n",
		"| `max` | `SLUICE_MAX` | `--max` | `64MiB` | size \\| bound |\n",
		"| `admin_password` | `SLUICE_ADMIN_PASSWORD` |  |  | of the admin |\n",
		"| `mongodb.timeout` | `SLUICE_MONGODB_TIMEOUT` | `--mongodb-timeout` | `5s` | of one operation |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no row %q in\n%s", want, got)
		}
	}
}

func TestSecret_NoVerbShowsIt(t *testing.T) {
	t.Parallel()
	s := settings.Secret("hunter2")
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "a", s, "b", struct{ S settings.Secret }{s})
	out := fmt.Sprintf("%v %s %q %x %d %#v %+v", s, s, s, s, s, s, struct{ S settings.Secret }{s}) + log.String()
	for _, leak := range []string{"hunter2", "68756e74657232"} {
		if strings.Contains(out, leak) {
			t.Errorf("the secret shows: %s", out)
		}
	}
	if s.Reveal() != "hunter2" {
		t.Error("Reveal hides it")
	}
}

func TestBytes_ReadsWhatItWrites(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]settings.Bytes{
		"0": 0, "4096": 4 << 10, "1": 1, "64MiB": 64 << 20, "100GB": 100e9, "1 tib": 1 << 40, "12B": 12, "3kb": 3000, "7KiB": 7 << 10,
	} {
		got, err := settings.ParseBytes(text)
		if err != nil || got != want {
			t.Errorf("ParseBytes(%q) = %d, %v, want %d", text, got, err, want)
		}
		if again, err := settings.ParseBytes(got.String()); err != nil || again != got {
			t.Errorf("%q prints as %q, which reads as %d, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1.5GB", "1PB", "0x10", "1e3"} {
		if _, err := settings.ParseBytes(text); err == nil {
			t.Errorf("ParseBytes(%q) is no error", text)
		}
	}
}
