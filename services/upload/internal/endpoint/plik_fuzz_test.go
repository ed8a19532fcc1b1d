package endpoint_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// FuzzPlik_Callers brings callers of any kind to a protected upload: only the
// secret and the right words open it, and no answer is anything but the fault of
// it.
func FuzzPlik_Callers(f *testing.F) {
	const right = "Basic cDpw"
	for _, seed := range [][4]string{
		{"", "", "", ""}, {right, "", "192.0.2.1:1", ""}, {"Basic", "x", "::1", "tok"}, {"basic cDpw", strings.Repeat("a", 32), "[fe80::1%eth0]:80", "\x00"},
		{" ", "\xff", "1.2.3", ""}, {"Basic cDpw ", "", strings.Repeat("9", 300), ""}, {"Basic  cDpw", "", "", "tok_1"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], "0123456789abcdef")
	}
	f.Fuzz(func(t *testing.T, authorization, token, source, tokenID, file string) {
		w := newPlikWorld(t)
		made, err := w.Service.CreatePlik(t.Context(), uploadv1.CreatePlikRequest{Caller: nobody, Credential: "cDpw", Files: []uploadv1.PlikAnnounced{{Name: "a"}}})
		if err != nil {
			t.Fatal(err)
		}
		c := nobody
		c.Authorization, c.UploadToken, c.Source, c.TokenID = authorization, token, source, tokenID
		u, err := w.Service.GetPlik(t.Context(), uploadv1.PlikRequest{Caller: c, UploadID: made.Upload.ID})
		switch {
		case authorization == right && (err != nil || u.Admin):
			t.Errorf("the right words: %+v, %v", u, err)
		case authorization != right && !errors.Is(err, uploadv1.ErrPlikCredentials):
			t.Errorf("%q: %v", authorization, err)
		}
		c.UploadToken = made.Upload.Token
		_, err = w.Service.BeginPlik(t.Context(), uploadv1.BeginPlikRequest{Caller: c, UploadID: made.Upload.ID, FileID: file, Name: file, MaxEntries: 3})
		if k := fault.KindOf(err); err != nil && k != fault.NotFound && k != fault.Invalid || utf8.ValidString(file) && file == made.Files[0].ID {
			t.Errorf("file %q: %v", file, err)
		}
	})
}
