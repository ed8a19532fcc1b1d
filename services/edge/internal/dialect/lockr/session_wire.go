package lockr

import (
	"net/http"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// wireNewSession is what opens a session; without a size it is of unknown length.
type wireNewSession struct {
	Name string `json:"name"`
	Size *int64 `json:"size"`
	Type string `json:"type"`
	keyWish
}

// wireUploadSession is a session as its creation answers.
type wireUploadSession struct {
	ID          string `json:"id"` // of the file that it will be
	UploadURL   string `json:"uploadUrl"`
	DownloadURL string `json:"downloadUrl"`
	Size        *int64 `json:"size"` // null: unknown
	Region      string `json:"region"`
	ExpiresAt   moment `json:"expiresAt"`
}

func newSessionToWire(r *http.Request, s uploadv1.CreatedSession) wireUploadSession {
	id := core.FileIDOf(objectv1.File{Region: s.Region, NodeID: s.NodeID, Name: s.Key}).String()
	w := wireUploadSession{ID: id, UploadURL: sessionURL(r, s.Secret), DownloadURL: downloadURL(r, id), Region: s.Region, ExpiresAt: moment(s.ExpiresAt)}
	if s.Size >= 0 {
		w.Size = &s.Size
	}
	return w
}

func sessionURL(r *http.Request, secret string) string {
	return dialect.CallOf(r).BaseURL + api + "/upload/session/" + secret
}
