package plik

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
)

// answerJSON answers 200 with v as clients cut it to pieces: compact, on one line
// and without an end of it (plik-wire.md 1).
func answerJSON(w http.ResponseWriter, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	write(w, http.StatusOK, "application/json", bytes.TrimRight(b.Bytes(), "\n"))
	return nil
}

// answerText answers 200 with a text as it is.
func answerText(w http.ResponseWriter, text string) error {
	write(w, http.StatusOK, "text/plain; charset=utf-8", []byte(text))
	return nil
}

func write(w http.ResponseWriter, status int, mediaType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // never HTML; the client that is gone is in the access log
}

// wireUpload is an upload as clients see it (plik-wire.md 4.2). A list shows what
// an answer about one leaves out: UploadIP, User and Token, and its Admin is false
// and its DownloadDomain empty.
type wireUpload struct {
	ID             string     `json:"id"`
	TTL            int64      `json:"ttl"`
	ExtendTTL      bool       `json:"extend_ttl"`
	DownloadDomain string     `json:"downloadDomain"`
	UploadIP       string     `json:"uploadIp,omitempty"`
	Comments       string     `json:"comments"`
	Files          []wireFile `json:"files"`
	UploadToken    string     `json:"uploadToken,omitempty"`
	User           string     `json:"user,omitempty"`
	Token          string     `json:"token,omitempty"`
	Admin          bool       `json:"admin"`
	Stream         bool       `json:"stream"`
	OneShot        bool       `json:"oneShot"`
	Removable      bool       `json:"removable"`
	Protected      bool       `json:"protectedByPassword"`
	CreatedAt      time.Time  `json:"createdAt"`
	ExpireAt       *time.Time `json:"expireAt"`
}

// uploadToWire shows an upload with its files, and its secret to who may have it.
func uploadToWire(u uploadv1.PlikUpload, files []uploadv1.PlikFile) wireUpload {
	out := wireUpload{
		ID: u.ID, TTL: u.TTL, ExtendTTL: u.ExtendTTL, Comments: u.Comments, Files: make([]wireFile, len(files)), Stream: u.Stream, OneShot: u.OneShot,
		Removable: u.Removable, Protected: u.Protected, CreatedAt: u.CreatedAt.UTC(),
	}
	if u.Admin {
		out.Admin, out.UploadToken = true, u.Token
	}
	if u.ExpiresAt != nil {
		ends := u.ExpiresAt.UTC()
		out.ExpireAt = &ends
	}
	for i, f := range files {
		out.Files[i] = fileToWire(f)
	}
	return out
}

// wireFile is a file as clients see it (plik-wire.md 4.3).
type wireFile struct {
	ID        string    `json:"id"`
	FileName  string    `json:"fileName"`
	Status    string    `json:"status"`
	FileMD5   string    `json:"fileMd5"`
	FileType  string    `json:"fileType"`
	FileSize  int64     `json:"fileSize"`
	Reference string    `json:"reference"`
	CreatedAt time.Time `json:"createdAt"`
}

func fileToWire(f uploadv1.PlikFile) wireFile {
	return wireFile{
		ID: f.ID, FileName: f.Name, Status: string(f.Status), FileMD5: f.MD5, FileType: f.Type, FileSize: f.Size, Reference: f.Reference, CreatedAt: f.CreatedAt.UTC(),
	}
}
