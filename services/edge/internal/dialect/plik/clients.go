package plik

import (
	"crypto/md5" //nolint:gosec // clients compare it with their own (plik-wire.md 4.1)
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// wireClient is a build of the command line.
type wireClient struct {
	Name string `json:"name"`
	MD5  string `json:"md5"`
	Path string `json:"path"` // below the base URL
	OS   string `json:"os"`
	Arch string `json:"arch"`
}

// wireRelease is a release of it that has a text of its changes.
type wireRelease struct {
	Name string `json:"name"`
	Date int64  `json:"date"` // Unix seconds
}

const (
	changelogDir = "changelog"
	maxBuilds    = 100 // that are listed
)

// clientsFolder is the folder of plik.clients_dir, with the sums of the builds that
// have been read. It is safe for concurrent use.
type clientsFolder struct {
	dir string // empty: there is none

	mu   sync.Mutex
	sums map[string]buildSum
}

type buildSum struct {
	size    int64
	changed time.Time
	md5     string
}

// list gives the builds and the releases that are there now, both null without a
// folder.
func (c *clientsFolder) list() ([]wireClient, []wireRelease, error) {
	if c.dir == "" {
		return nil, nil, nil
	}
	root, err := os.OpenRoot(c.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("opening the folder of clients: %w", err)
	}
	defer root.Close() //nolint:errcheck // nothing was written
	var builds []wireClient
	paths, err := fs.Glob(root.FS(), "*-*/*")
	if err != nil {
		return nil, nil, fmt.Errorf("listing the folder of clients: %w", err)
	}
	for _, path := range paths[:min(len(paths), maxBuilds)] {
		sum, err := c.sum(root, path)
		if err != nil {
			continue // a folder, or it has just gone
		}
		platform, name, _ := strings.Cut(path, "/")
		system, arch, _ := strings.Cut(platform, "-")
		builds = append(builds, wireClient{Name: name, MD5: sum, Path: "clients/" + path, OS: system, Arch: arch})
	}
	return builds, releasesIn(root), nil
}

// releasesIn lists the texts of what releases changed, the oldest first.
func releasesIn(root *os.Root) []wireRelease {
	entries, err := fs.ReadDir(root.FS(), changelogDir)
	if err != nil {
		return nil
	}
	var out []wireRelease
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			out = append(out, wireRelease{Name: e.Name(), Date: info.ModTime().Unix()})
		}
	}
	slices.SortStableFunc(out, func(a, b wireRelease) int { return int(a.Date - b.Date) })
	return out
}

// errNoBuild is of what is no file.
var errNoBuild = errors.New("it is no file")

// sum gives a build's MD5. It is read again when it has changed.
func (c *clientsFolder) sum(root *os.Root, path string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := root.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return "", errors.Join(errNoBuild, err)
	}
	if s, ok := c.sums[path]; ok && s.size == info.Size() && s.changed.Equal(info.ModTime()) {
		return s.md5, nil
	}
	f, err := root.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading a build: %w", err)
	}
	defer f.Close()
	sum := md5.New() //nolint:gosec // as above
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("reading a build: %w", err)
	}
	if c.sums == nil {
		c.sums = map[string]buildSum{}
	}
	s := buildSum{info.Size(), info.ModTime(), hex.EncodeToString(sum.Sum(nil))}
	c.sums[path] = s
	return s.md5, nil
}

// send answers with a file of the folder.
func (c *clientsFolder) send(w http.ResponseWriter, r *http.Request, path, mediaType string) error {
	if c.dir == "" || !fs.ValidPath(path) {
		return dialect.ErrNoRoute
	}
	root, err := os.OpenRoot(c.dir)
	if err != nil {
		return dialect.ErrNoRoute.Because(err)
	}
	defer root.Close()        //nolint:errcheck // nothing was written
	f, err := root.Open(path) // never outside of the folder
	if err != nil {
		return dialect.ErrNoRoute.Because(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return dialect.ErrNoRoute.Because(err)
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", info.ModTime(), f)
	return nil
}

// GetClient answers GET /clients/{path...}.
func (h *Handler) GetClient(w http.ResponseWriter, r *http.Request) error {
	path := r.PathValue("path")
	if strings.HasPrefix(path, changelogDir) {
		return dialect.ErrNoRoute
	}
	return h.clients.send(w, r, path, "application/octet-stream")
}

// GetChangelog answers GET /changelog/{path...}.
func (h *Handler) GetChangelog(w http.ResponseWriter, r *http.Request) error {
	return h.clients.send(w, r, changelogDir+"/"+r.PathValue("path"), "text/plain; charset=utf-8")
}
