package web_test

import (
	"os"
	"testing"

	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
	"github.com/sluicehq/sluice/services/edge"
)

func TestZZ(t *testing.T) {
	if os.Getenv("ZZ") == "" {
		t.Skip()
	}
	w := edgetest.New(t, regions, func(c *edge.Config, _ *edge.Deps){c.HTTP.AllowPlain=true})
	b := open(t, w)
	b.signUp(t, "grace")
	out := w.URL + "\n"
	png, _ := os.ReadFile("/work/main/test/browser/testdata/reference.png")
	out += b.upload(t, "whitepaper with a rather long name, final version (2).pdf", "application/pdf", "%PDF") + "\n"
	out += b.upload(t, "notes.txt", "text/plain", "hello\nworld\n") + "\n"
	out += b.upload(t, "reference.png", "image/png", string(png)) + "\n"
	out += b.upload(t, "secret.tar.gz", "application/gzip", string(png), "X-Key-Hash", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824") + "\n"
	g := open(t, w)
	out += g.upload(t, "guest.txt", "text/plain", "hello from a guest") + "\n"
	os.WriteFile("/tmp/sluice/pages.url", []byte(out), 0o600)
	<-t.Context().Done()
}
