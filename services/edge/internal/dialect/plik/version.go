package plik

import (
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

// wireVersion says what runs here (plik-wire.md 4.1).
type wireVersion struct {
	Version          string        `json:"version"`
	Date             int64         `json:"date"` // Unix seconds of the commit
	GitShortRevision string        `json:"gitShortRevision,omitempty"`
	GitFullRevision  string        `json:"gitFullRevision,omitempty"`
	GoVersion        string        `json:"goVersion,omitempty"`
	IsRelease        bool          `json:"isRelease"`
	IsMint           bool          `json:"isMint"` // of a tree without changes
	Clients          []wireClient  `json:"clients"`
	Releases         []wireRelease `json:"releases"`
}

// shortRevision is how many letters of a commit people read.
const shortRevision = 7

// GetVersion answers GET /version.
func (h *Handler) GetVersion(w http.ResponseWriter, _ *http.Request) error {
	out := buildOf(h.core.Version)
	if h.core.Plik.EnhancedWebSecurity {
		out = wireVersion{Version: out.Version}
	}
	var err error
	if out.Clients, out.Releases, err = h.clients.list(); err != nil {
		return err
	}
	return answerJSON(w, out)
}

// buildOf describes the running build.
func buildOf(version string) wireVersion {
	out := wireVersion{Version: strings.TrimPrefix(version, "v")}
	if out.Version == "" || !strings.ContainsRune("0123456789", rune(out.Version[0])) {
		out.Version = "0.0.0"
	}
	out.IsRelease = out.Version != "0.0.0" && !strings.ContainsAny(out.Version, "-+")
	bi, ok := debug.ReadBuildInfo()
	if !ok {
		return out
	}
	out.GoVersion = bi.GoVersion
	for _, s := range bi.Settings {
		switch s.Key {
		case "vcs.revision":
			out.GitFullRevision, out.GitShortRevision = s.Value, s.Value[:min(len(s.Value), shortRevision)]
		case "vcs.time":
			if t, err := time.Parse(time.RFC3339, s.Value); err == nil {
				out.Date = t.Unix()
			}
		case "vcs.modified":
			out.IsMint = s.Value == "false"
		}
	}
	return out
}
