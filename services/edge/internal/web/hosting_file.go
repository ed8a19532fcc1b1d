package web

import (
	"context"
	"encoding/hex"
	"errors"
	"html"
	"net/http"
	"net/url"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// paramDownload carries a download token.
const paramDownload = "download_token"

// sharedPage is the page of a file under its short URL.
type sharedPage struct {
	frame
	inWords
	File         nodeView
	Kind         string // as in core.Preview; empty: any
	Preview      string // where it can be looked at
	Locked       bool   // a phrase is needed
	Owned        bool
	Problem      string
	BBCode, HTML string
}

// ShowShared answers GET /{short} and /{short}/{name}: the page of a file or, with
// a download token, its bytes.
func (h *Handler) ShowShared(w http.ResponseWriter, r *http.Request) error {
	n, err := h.sharedFile(r)
	if err != nil {
		return err
	}
	if tokens, ok := r.URL.Query()[paramDownload]; ok {
		if err := h.core.CheckDownloadToken(n.NodeID, tokens[0]); err != nil {
			return err //nolint:wrapcheck // it says what is wrong
		}
		h.core.Viewed(viewOfFile(r, n))
		return h.core.SendFile(w, r, *n.Object, false) //nolint:wrapcheck // it says what was being done
	}
	ended(w, r)
	h.core.Viewed(viewOfFile(r, n))
	return h.shared(w, r, http.StatusOK, n, "")
}

// viewOfFile is somebody's look at a shared file, which may count as a visitor.
func viewOfFile(r *http.Request, n objectv1.DriveNode) core.View {
	v := viewOfRequest(r)
	v.FileID = n.NodeID
	return v
}

func (h *Handler) shared(w http.ResponseWriter, r *http.Request, status int, n objectv1.DriveNode, problem string) error {
	base := dialect.CallOf(r).BaseURL
	v := sharedPage{frame: h.hostingFrame(r, n.Name), File: nodeViewOf(base, n), Owned: ownedBy(r, n), Problem: problem}
	v.Locked = len(n.Object.File.KeyHash) > 0 && !v.Owned
	if p := core.PreviewOf(v.File.Type); p.Kind != "" {
		v.Kind, v.Preview = p.Kind, "/download/"+core.FileIDOf(*n.Object.File).String()
	}
	v.BBCode, v.HTML = shareCodes(v.File)
	if r.Method == http.MethodPost {
		v.Canonical = v.File.Page
	}
	return h.render(w, status, "shared", v)
}

// shareCodes are links to a file for forums and pages. The URL is ours, and has
// nothing in it that either language would take for its own.
func shareCodes(n nodeView) (bbcode, link string) {
	return "[url]" + n.URL + "[/url]", `<a href="` + html.EscapeString(n.URL) + `">` + html.EscapeString(oneLine(n.Title())) + `</a>`
}

// oneLine is a name without what would end a line.
func oneLine(name string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == 0x2028 || c == 0x2029 {
			return ' '
		}
		return c
	}, name)
}

// OpenShared answers POST /{short}: the button of the page, which leads to the
// bytes by a token of its own; by the phrase, where the file has one.
func (h *Handler) OpenShared(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	n, err := h.sharedFile(r)
	if err != nil {
		return err
	}
	if len(n.Object.File.KeyHash) > 0 && !ownedBy(r, n) {
		if _, err := h.openedBy(r, *n.Object, form.Get("key")); err != nil {
			if !shown(err) {
				return err
			}
			status, text := h.failedIn(w, r, err)
			if errors.Is(err, core.ErrWrongKey) {
				text = h.wordsFor(r).T("That is not the phrase.")
			}
			return h.shared(w, r, status, n, text)
		}
	}
	return goTo(w, "/"+n.Short+"/"+url.PathEscape(n.Name)+"?"+paramDownload+"="+h.core.DownloadToken(n.NodeID))
}

// sharedInfoPage says what there is to know about a file.
type sharedInfoPage struct {
	frame
	inWords
	File                nodeView
	Full                bool // the hash is right: how it is passed on, too
	Owned               bool
	MD5, SHA256         string
	BBCode, HTML        string
	DeleteURL, StatsURL string
}

// ShowSharedInfo answers GET /{short}~i. What the uploader passes on is shown to
// whoever has the hash of the file.
func (h *Handler) ShowSharedInfo(w http.ResponseWriter, r *http.Request) error {
	n, err := h.sharedFile(r)
	if err != nil {
		return err
	}
	v := sharedInfoPage{frame: h.hostingFrame(r, n.Name), File: nodeViewOf(dialect.CallOf(r).BaseURL, n), Owned: ownedBy(r, n)}
	v.Full = v.Owned || h.core.IsInfoHash(n.NodeID, hashOf(r))
	v.StatsURL = v.File.Page + "~s"
	if v.Full {
		v.BBCode, v.HTML = shareCodes(v.File)
		if len(n.Object.Composite) == 0 {
			v.MD5, v.SHA256 = hex.EncodeToString(n.Object.Digests[blob.MD5]), hex.EncodeToString(n.Object.Digests[blob.SHA256])
		}
	}
	if v.Owned {
		v.DeleteURL = v.File.URL + "~d?" + h.core.DeleteHash(n.NodeID)
	}
	return h.render(w, http.StatusOK, "sharedinfo", v)
}

// hashOf is the hash that is the whole query of a short URL. Some clients put a "="
// behind it.
func hashOf(r *http.Request) string {
	hash, _, _ := strings.Cut(r.URL.RawQuery, "&")
	return strings.TrimSuffix(hash, "=")
}

// sharedStatsPage is the statistics of a file.
type sharedStatsPage struct {
	frame
	inWords
	File     nodeView
	Visitors *clickGraph // nil: not known now
}

// ShowSharedStats answers GET /{short}~s.
func (h *Handler) ShowSharedStats(w http.ResponseWriter, r *http.Request) error {
	n, err := h.sharedFile(r)
	if err != nil {
		return err
	}
	v := sharedStatsPage{frame: h.hostingFrame(r, n.Name), File: nodeViewOf(dialect.CallOf(r).BaseURL, n)}
	ctx, cancel := context.WithTimeout(r.Context(), clicksWithin)
	defer cancel()
	if c, err := h.core.FileClicks(ctx, n.NodeID, graphDays); err == nil {
		v.Visitors = newClickGraph(c)
	}
	return h.render(w, http.StatusOK, "sharedstats", v)
}
