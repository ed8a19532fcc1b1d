package core

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"time"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
)

// plikBatchBytes bounds the announced files in one message, bytes.
const plikBatchBytes = 256 << 10

// PlikWish is what somebody wants a temporary upload to be (plik-wire.md 6.2).
type PlikWish struct {
	TTL       int64 // seconds; 0: the default, negative: for ever
	ExtendTTL bool
	OneShot   bool
	Stream    bool
	Removable bool
	Comments  string
	Login     string
	Password  string
	Files     []uploadv1.PlikAnnounced
}

// PlikCreated is a new upload. Credential is what opens it, base64 of
// login:password; empty: it is open.
type PlikCreated struct {
	uploadv1.PlikWithFiles
	Credential string
}

// CreatePlik makes a temporary upload of what the settings and the caller's own
// limits allow. Codes: edge.plik_refused, with all that is said behind "unable to
// create upload : ".
func (c *Core) CreatePlik(ctx context.Context, by PlikBy, w PlikWish) (PlikCreated, error) {
	why := c.plikFlags(by.Caller, &w)
	if why == "" {
		why = c.plikTTL(by.Caller, &w)
	}
	if why == "" {
		why = c.plikFiles(by.Caller, w.Files)
	}
	if why != "" {
		return PlikCreated{}, ErrPlikRefused.Msgf("unable to create upload : %s", why)
	}
	var out PlikCreated
	if w.Password != "" {
		login := w.Login
		if login == "" {
			login = "plik"
		}
		out.Credential = base64.StdEncoding.EncodeToString([]byte(login + ":" + w.Password))
	}
	var err error
	out.PlikWithFiles, err = c.announcePlik(ctx, uploadv1.CreatePlikRequest{
		Caller: by.caller(), TTL: w.TTL, ExtendTTL: w.ExtendTTL, OneShot: w.OneShot, Stream: w.Stream, Removable: w.Removable,
		Comments: w.Comments, Credential: out.Credential, UserSize: c.plikUserLimit(by.Caller), Announced: announced(w.Files),
	}, w.Files)
	if limit := c.plikUserLimit(by.Caller); isPlikUserSize(err) {
		err = uploadv1.ErrPlikUserSize.Msgf("unable to create upload : %s", plikUserSize(limit)).Because(err)
	}
	return out, err
}

// announcePlik makes the upload with its files, in messages of a size.
func (c *Core) announcePlik(ctx context.Context, r uploadv1.CreatePlikRequest, files []uploadv1.PlikAnnounced) (uploadv1.PlikWithFiles, error) {
	n := plikBatch(files)
	r.Files, r.More = files[:n], n < len(files)
	out, err := c.Pliks.CreatePlik(ctx, r)
	if err != nil {
		return out, fmt.Errorf("making a temporary upload: %w", err)
	}
	// Until the last files are there, only the upload's own token opens it.
	by := r.Caller
	by.UploadToken = out.Upload.Token
	for from := n; from < len(files); from += n {
		n = plikBatch(files[from:])
		more, err := c.Pliks.AnnouncePlik(ctx, uploadv1.AnnouncePlikRequest{
			Caller: by, UploadID: out.Upload.ID, From: from, Files: files[from : from+n], More: from+n < len(files),
		})
		if err != nil {
			return out, fmt.Errorf("announcing files of a temporary upload: %w", err)
		}
		out.Upload.Entries, out.Files = more.Upload.Entries, append(out.Files, more.Files...)
	}
	return out, nil
}

// plikBatch is how many of the files go into the next message.
func plikBatch(files []uploadv1.PlikAnnounced) int {
	size := 0
	for i, f := range files {
		b, _ := json.Marshal(f) // strings and a number
		if size += len(b); i > 0 && size > plikBatchBytes || i == uploadv1.MaxPlikBatch {
			return i
		}
	}
	return len(files)
}

// announced sums the sizes up; more than there are numbers is the highest.
func announced(files []uploadv1.PlikAnnounced) int64 {
	var sum int64
	for _, f := range files {
		if f.Size > math.MaxInt64-sum {
			return math.MaxInt64
		}
		sum += f.Size
	}
	return sum
}

// plikFlags applies the feature flags (plik-wire.md 5) and says what they refuse.
func (c *Core) plikFlags(by Caller, w *PlikWish) string {
	s := c.Plik
	switch {
	case s.FeatureAuthentication.Forced() && by.Guest():
		return "anonymous uploads are disabled"
	case s.FeatureAuthentication.Off() && !by.Guest():
		return "authentication is disabled"
	}
	for _, f := range []struct {
		flag    PlikFlag
		wanted  *bool
		refusal string
	}{
		{s.FeatureOneShot, &w.OneShot, "one shot uploads are disabled"},
		{s.FeatureRemovable, &w.Removable, "removable uploads are disabled"},
		{s.FeatureStream, &w.Stream, "streaming uploads are disabled"},
		{s.FeatureExtendTTL, &w.ExtendTTL, "extend TTL is disabled"},
	} {
		if f.flag.Off() && *f.wanted {
			return f.refusal
		}
		*f.wanted = *f.wanted || f.flag.Forced()
	}
	switch {
	case s.FeaturePassword.Off() && w.Password != "":
		return "upload password protection is disabled"
	case s.FeaturePassword.Forced() && w.Password == "":
		return "server only accept uploads protected by password"
	case s.FeatureComments.Off():
		w.Comments = ""
	case len(w.Comments) > uploadv1.MaxPlikComments:
		return fmt.Sprintf("comments are too long, maximum length is %d characters", uploadv1.MaxPlikComments)
	}
	return ""
}

// plikTTL settles how long the upload lives (plik-wire.md 6.3).
func (c *Core) plikTTL(by Caller, w *PlikWish) string {
	byDefault := int64(c.Plik.DefaultTTL / time.Second)
	if c.Plik.FeatureSetTTL.Off() {
		w.TTL = byDefault
		return ""
	}
	if w.TTL == 0 {
		w.TTL = byDefault
	}
	limit := by.Plik.MaxTTL
	if limit == 0 {
		limit = int64(c.Plik.MaxTTL / time.Second)
	}
	switch {
	case limit > 0 && w.TTL <= 0:
		return fmt.Sprintf("cannot set infinite TTL (maximum allowed is : %d)", limit)
	case limit > 0 && w.TTL > limit:
		return fmt.Sprintf("invalid TTL. (maximum allowed is : %d)", limit)
	case w.TTL > maxPlikTTL:
		return fmt.Sprintf("invalid TTL. (maximum allowed is : %d)", int64(maxPlikTTL))
	}
	return ""
}

// maxPlikTTL keeps a life within what a time.Duration holds, seconds.
const maxPlikTTL = 200 * 365 * 24 * 3600

// plikFiles says what is wrong with announced files (plik-wire.md 6.4).
func (c *Core) plikFiles(by Caller, files []uploadv1.PlikAnnounced) string {
	if n := c.Plik.MaxFilePerUpload; len(files) > n {
		return fmt.Sprintf("too many files. maximum is %d", n)
	}
	limit := c.PlikFileLimit(by)
	for i := range files {
		f := &files[i]
		f.Size = max(f.Size, 0)
		if why := plikName(f.Name); why != "" {
			return why
		}
		switch {
		case len(f.Reference) > uploadv1.MaxPlikReference:
			return fmt.Sprintf("file reference is too long, maximum length is %d characters", uploadv1.MaxPlikReference)
		case len(f.Type) > uploadv1.MaxPlikType:
			return fmt.Sprintf("file type is too long, maximum length is %d characters", uploadv1.MaxPlikType)
		case limit > 0 && f.Size > limit:
			return fmt.Sprintf("file is too big (%s), maximum file size is %s", PlikBytes(f.Size), PlikBytes(limit))
		}
	}
	return ""
}

// plikName says what is wrong with a file's name.
func plikName(name string) string {
	switch {
	case name == "":
		return "missing file name"
	case len(name) > uploadv1.MaxPlikName:
		return fmt.Sprintf("file name %s... is too long, maximum length is %d characters", name[:20], uploadv1.MaxPlikName)
	}
	return ""
}
