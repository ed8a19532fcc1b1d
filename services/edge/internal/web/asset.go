package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"

	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

//go:embed assets
var assetFiles embed.FS

// assets is what the pages load. All of it is under one version, so that
// scripts import each other by relative paths.
type assets struct {
	version string
	files   map[string]asset
}

type asset struct {
	mediaType, tag string
	body           []byte
}

func mediaTypes() map[string]string {
	return map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}
}

func readAssets() assets {
	a := assets{files: map[string]asset{}}
	all := sha256.New()
	types := mediaTypes()
	entries, _ := assetFiles.ReadDir("assets") // compiled in, sorted by name
	for _, e := range entries {
		body, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			continue // answered as any path where nothing is
		}
		sum := sha256.Sum256(body)
		_, _ = all.Write(sum[:]) // a hash never fails
		a.files[e.Name()] = asset{mediaType: types[path.Ext(e.Name())], tag: `"` + hex.EncodeToString(sum[:16]) + `"`, body: body}
	}
	a.version = hex.EncodeToString(all.Sum(nil)[:6])
	return a
}

// path is where a page finds an asset.
func (a assets) path(name string) string { return "/assets/" + a.version + "/" + name }

// GetAsset answers GET /assets/{version}/{name}: for ever under this version, and
// to be asked for again under another one, which a page of another release has.
func (h *Handler) GetAsset(w http.ResponseWriter, r *http.Request) error {
	f, ok := h.assets.files[r.PathValue("name")]
	if !ok {
		return dialect.ErrNoRoute
	}
	head := w.Header()
	head.Set("ETag", f.tag)
	head.Set("Cache-Control", "public, no-cache")
	if r.PathValue("version") == h.assets.version {
		head.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if r.Header.Get("If-None-Match") == f.tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	head.Set("Content-Type", f.mediaType)
	head.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox") // of the icon, opened by itself
	send(w, http.StatusOK, f.body)
	return nil
}

// send writes a body that is whole.
func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error means that the client is gone; the access log says so
}
