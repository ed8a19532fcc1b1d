package lockwell

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/swaggest/swgui/v5/static"

	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

//go:embed docs
var docsPage embed.FS

// docsPolicy lets the page run its own scripts and talk to its own origin, and
// nothing else. Swagger UI shows pictures of its style sheet by data: URLs and
// sets style attributes.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docsFile is one file of the reference page, packed where that helps.
type docsFile struct {
	mediaType string
	tag       string // hexadecimal digest of the content
	body      []byte // gzip when packed
	packed    bool
}

// readDocs collects the reference page: ours, and Swagger UI's from its module.
// Both are compiled in; a test wants every file to be there.
func readDocs() map[string]docsFile {
	files := map[string]docsFile{}
	for _, f := range []struct {
		from            embed.FS
		path, mediaType string
	}{
		{docsPage, "docs/index.html", "text/html; charset=utf-8"},
		{docsPage, "docs/page.css", "text/css; charset=utf-8"},
		{docsPage, "docs/page.js", "text/javascript; charset=utf-8"},
		{static.FS, "favicon-32x32.png", "image/png"},
		{static.FS, "swagger-ui.css.gz", "text/css; charset=utf-8"},
		{static.FS, "swagger-ui-bundle.js.gz", "text/javascript; charset=utf-8"},
	} {
		body, err := f.from.ReadFile(f.path)
		if err != nil {
			continue // answered as any path where nothing is
		}
		name, packed := strings.CutSuffix(path.Base(f.path), ".gz")
		sum := sha256.Sum256(body)
		files[name] = docsFile{mediaType: f.mediaType, tag: hex.EncodeToString(sum[:16]), body: body, packed: packed}
	}
	return files
}

// GetDocs answers GET /docs with the reference page, which is made in the
// browser from /openapi.json.
func (h *Handler) GetDocs(w http.ResponseWriter, r *http.Request) error {
	return h.sendDocs(w, r, "index.html")
}

// GetDocsAsset answers GET /docs/{asset}.
func (h *Handler) GetDocsAsset(w http.ResponseWriter, r *http.Request) error {
	return h.sendDocs(w, r, r.PathValue("asset"))
}

func (h *Handler) sendDocs(w http.ResponseWriter, r *http.Request, name string) error {
	f, ok := h.docs[name]
	if !ok {
		return dialect.ErrNoRoute
	}
	unpack := f.packed && !acceptsGzip(r.Header)
	tag := `"` + f.tag + `"`
	if unpack {
		tag = `"` + f.tag + `-plain"`
	}
	head := w.Header()
	head.Set("ETag", tag)
	head.Set("Cache-Control", "no-cache") // ask each time; the answer is a short 304
	head.Set("Vary", "Accept-Encoding")
	if inm := r.Header.Get("If-None-Match"); inm == "*" || strings.Contains(inm, tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	body := f.body
	if unpack {
		var err error
		if body, err = gunzip(body); err != nil {
			return err
		}
	} else if f.packed {
		head.Set("Content-Encoding", "gzip")
	}
	head.Set("Content-Type", f.mediaType)
	head.Set("Content-Length", fmt.Sprint(len(body)))
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Content-Security-Policy", docsPolicy)
	head.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // the client is gone; the access log says so
	return nil
}

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3).
func acceptsGzip(h http.Header) bool {
	for item := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		coding, weight, _ := strings.Cut(item, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			weight = strings.ReplaceAll(weight, " ", "")
			return weight != "q=0" && strings.TrimRight(weight, "0") != "q=0."
		}
	}
	return false
}

func gunzip(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("unpacking a file of the reference page: %w", err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("unpacking a file of the reference page: %w", err)
	}
	return out, nil
}
