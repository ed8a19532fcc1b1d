package plik

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// wireWish is what of a new upload is looked at (plik-wire.md 6.2): clients send
// whole uploads, with ids and rights in them that count for nothing.
type wireWish struct {
	TTL       int64           `json:"ttl"`
	ExtendTTL bool            `json:"extend_ttl"`
	OneShot   bool            `json:"oneShot"`
	Stream    bool            `json:"stream"`
	Removable bool            `json:"removable"`
	Comments  string          `json:"comments"`
	Login     string          `json:"login"`
	Password  string          `json:"password"`
	Files     json.RawMessage `json:"files"`
}

// wireAnnounced is what of an announced file is looked at.
type wireAnnounced struct {
	FileName  string `json:"fileName"`
	FileType  string `json:"fileType"`
	FileSize  int64  `json:"fileSize"`
	Reference string `json:"reference"`
}

// wishOf reads the body of POST /upload; nothing means all defaults. old says that
// it is one of clients before 1.3, whose files are an object (plik-wire.md 4.8).
func wishOf(raw []byte) (wish core.PlikWish, old bool, err error) {
	if empty(raw) {
		return wish, false, nil
	}
	var in wireWish
	if err := decode(raw, &in); err != nil {
		return wish, false, unusable(err)
	}
	wish = core.PlikWish{
		TTL: in.TTL, ExtendTTL: in.ExtendTTL, OneShot: in.OneShot, Stream: in.Stream, Removable: in.Removable,
		Comments: in.Comments, Login: in.Login, Password: in.Password,
	}
	files := bytes.TrimSpace(in.Files)
	switch {
	case len(files) == 0:
		return wish, false, nil
	case files[0] == '{':
		wish.ExtendTTL = false
		wish.Files, err = oldFiles(files)
		return wish, true, err
	}
	var listed []*wireAnnounced
	if err := decode(files, &listed); err != nil {
		return wish, false, unusable(err)
	}
	for _, f := range listed {
		if f == nil {
			return wish, false, errBadBody.Msgf("unable to deserialize request body : a file must not be null")
		}
		wish.Files = append(wish.Files, announcedOf(*f))
	}
	return wish, false, nil
}

func announcedOf(f wireAnnounced) uploadv1.PlikAnnounced {
	return uploadv1.PlikAnnounced{Name: f.FileName, Type: f.FileType, Size: f.FileSize, Reference: f.Reference}
}

// oldFiles reads the files of an old client, in the order of their keys.
func oldFiles(raw []byte) ([]uploadv1.PlikAnnounced, error) {
	var named map[string]*wireAnnounced
	if err := decode(raw, &named); err != nil {
		return nil, unusable(err)
	}
	keys := make([]string, 0, len(named))
	for k := range named {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b) // "10" stands behind "9"
		}
		return strings.Compare(a, b)
	})
	out := make([]uploadv1.PlikAnnounced, 0, len(keys))
	for _, k := range keys {
		if named[k] == nil {
			return nil, errBadBody.Msgf("unable to deserialize request body : a file must not be null")
		}
		out = append(out, announcedOf(*named[k]))
	}
	return out, nil
}

// wireOldUpload is an upload as clients before 1.3 see it.
type wireOldUpload struct {
	ID             string              `json:"id"`
	UploadDate     int64               `json:"uploadDate"` // Unix seconds
	TTL            int64               `json:"ttl"`
	DownloadDomain string              `json:"downloadDomain"`
	Comments       string              `json:"comments"`
	Files          map[string]wireFile `json:"files"` // by id
	UploadToken    string              `json:"uploadToken,omitempty"`
	Admin          bool                `json:"admin"`
	Stream         bool                `json:"stream"`
	OneShot        bool                `json:"oneShot"`
	Removable      bool                `json:"removable"`
	Protected      bool                `json:"protectedByPassword"`
	Yubikey        bool                `json:"protectedByYubikey"`
}

func oldUpload(u wireUpload) wireOldUpload {
	out := wireOldUpload{
		ID: u.ID, UploadDate: u.CreatedAt.Unix(), TTL: u.TTL, DownloadDomain: u.DownloadDomain, Comments: u.Comments, Files: map[string]wireFile{},
		UploadToken: u.UploadToken, Admin: u.Admin, Stream: u.Stream, OneShot: u.OneShot, Removable: u.Removable, Protected: u.Protected,
	}
	for _, f := range u.Files {
		out.Files[f.ID] = f
	}
	return out
}
