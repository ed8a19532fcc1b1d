package lockr

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

type wireLogin struct {
	Identifier string `json:"identifier"`
	Password   string `json:"password"`
	Name       string `json:"name"` // of the token
}

type wireSignUp struct {
	Username string `json:"username"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

type wireAccount struct {
	ID            string `json:"id"`
	Username      string `json:"username"`
	Email         string `json:"email"`
	Plan          string `json:"plan"`
	Quota         int64  `json:"quota"`
	Used          int64  `json:"used"`
	MaxFileSize   int64  `json:"maxFileSize"`
	DefaultRegion string `json:"defaultRegion"`
	CreatedAt     moment `json:"createdAt"`
}

func (h *Handler) accountToWire(a authv1.Account, used int64) wireAccount {
	region := a.Region
	if region == "" && len(h.core.Regions) > 0 {
		region = h.core.Regions[0]
	}
	return wireAccount{
		ID: a.ID, Username: a.Username, Email: a.Email, Plan: a.Plan, Quota: a.Limits.StorageBytes, Used: used,
		MaxFileSize: a.Limits.ObjectBytes, DefaultRegion: region, CreatedAt: moment(a.CreatedAt),
	}
}

type wireSession struct {
	Token     string      `json:"token"`
	TokenType string      `json:"tokenType"`
	Account   wireAccount `json:"account"`
}

type wireToken struct {
	ID        string  `json:"id"`
	Kind      string  `json:"kind"`
	Name      string  `json:"name"`
	CreatedAt moment  `json:"createdAt"`
	ExpiresAt *moment `json:"expiresAt,omitempty"`
	Current   bool    `json:"current"` // the request came with it
}

func tokenToWire(t authv1.AccountToken, current string) wireToken {
	return wireToken{
		ID: t.ID, Kind: string(t.Kind), Name: t.Name, CreatedAt: moment(t.CreatedAt), ExpiresAt: momentOf(t.ExpiresAt),
		Current: t.ID == current && current != "",
	}
}

type wireTokens struct {
	Tokens []wireToken `json:"tokens"`
}

type wireCreatedToken struct {
	wireToken
	Token     string `json:"token"`
	TokenType string `json:"tokenType"`
}

// wireFile is File (lockr.md, Uploads).
type wireFile struct {
	ID          string  `json:"id"`
	Name        string  `json:"name"`
	Size        int64   `json:"size"`
	Type        string  `json:"type"`
	Region      string  `json:"region"`
	HasKey      bool    `json:"hasKey"`
	SHA256      string  `json:"sha256,omitempty"`
	CreatedAt   moment  `json:"createdAt"`
	ExpiresAt   *moment `json:"expiresAt,omitempty"`
	Downloads   int64   `json:"downloads"`
	DownloadURL string  `json:"downloadUrl"`
	URL         string  `json:"url"`

	// Only for the owner, in listings.
	Path               string  `json:"path,omitempty"`
	SignedURL          string  `json:"signedUrl,omitempty"`
	SignedURLExpiresAt *moment `json:"signedUrlExpiresAt,omitempty"`
}

// fileToWire needs an object of the drive, with its File.
func fileToWire(r *http.Request, o objectv1.Object) wireFile {
	f := *o.File
	id := core.FileIDOf(f).String()
	w := wireFile{
		ID: id, Name: f.Name, Size: o.Size, Type: o.Metadata.ContentType, Region: f.Region, HasKey: len(f.KeyHash) > 0,
		CreatedAt: moment(f.CreatedAt), ExpiresAt: momentOf(f.ExpiresAt), Downloads: f.Downloads,
		DownloadURL: downloadURL(r, id), URL: dialect.CallOf(r).BaseURL + "/download/" + id,
	}
	if w.Type == "" {
		w.Type = defaultType
	}
	if !slices.Contains(o.Composite, blob.SHA256) { // that of parts' digests is not the content's
		w.SHA256 = hex.EncodeToString(o.Digests[blob.SHA256])
	}
	return w
}

// defaultType is the type of a file whose type nobody said.
const defaultType = "application/octet-stream"

func downloadURL(r *http.Request, id string) string {
	return dialect.CallOf(r).BaseURL + api + "/download/" + id
}

// signedURL adds a signed link to a file's URL.
func signedURL(url string, l core.Link) string {
	return url + "?expires=" + strconv.FormatInt(l.Expires, 10) + "&signature=" + l.Signature
}

type wireFiles struct {
	Files      []wireFile `json:"files"`
	NextCursor string     `json:"nextCursor,omitempty"`
	Usage      wireUsage  `json:"usage"`
}

type wireUsage struct {
	Used  int64 `json:"used"`
	Quota int64 `json:"quota"`
}

type wireRegister struct {
	ID string `json:"id"`
}

type wireHasKey struct {
	ID     string `json:"id"`
	HasKey bool   `json:"hasKey"`
}

type wireDeleted struct {
	ID      string `json:"id"`
	Deleted bool   `json:"deleted"`
}

// moment is a time on the wire: RFC 3339 in UTC with milliseconds.
type moment time.Time

func momentOf(t *time.Time) *moment {
	if t == nil {
		return nil
	}
	m := moment(*t)
	return &m
}

// MarshalText implements encoding.TextMarshaler.
func (m moment) MarshalText() ([]byte, error) {
	return []byte(time.Time(m).UTC().Format("2006-01-02T15:04:05.000Z")), nil
}
