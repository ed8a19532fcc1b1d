package e2e_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/test/harness"
)

// fetching are the calls of one account to upload about remote URLs, past the edge.
type fetching struct {
	uploadv1.FetchService
	objects objectv1.Service
	who     authv1.Principal
}

func newFetching(t *testing.T, w *harness.World, c *harness.Client) fetching {
	t.Helper()
	var login struct {
		Account struct {
			ID string `json:"id"`
		} `json:"account"`
	}
	c.Do(t, http.MethodPost, "/api/v1/login", map[string]string{"identifier": c.Username, "password": "correct horse " + c.Username}, http.Header{}).
		Want(t, http.StatusOK).JSON(t, &login)
	client := rpc.NewClient(w.JetStream(t).Conn(), rpc.ClientConfig{})
	return fetching{uploadv1.NewFetchClient(client), objectv1.NewClient(client), authv1.Principal{AccountID: login.Account.ID, Username: c.Username}}
}

func (f fetching) add(t *testing.T, url, folder string) int64 {
	t.Helper()
	got, err := f.AddFetch(t.Context(), uploadv1.AddFetchRequest{Principal: f.who, URL: url, FolderID: folder, Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	return got.ID
}

func (f fetching) get(t *testing.T, id int64) uploadv1.Fetch {
	t.Helper()
	got, err := f.GetFetch(t.Context(), uploadv1.FetchRequest{Principal: f.who, ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// comesTo waits for a fetch's state.
func (f fetching) comesTo(t *testing.T, id int64, state uploadv1.FetchState) (got uploadv1.Fetch) {
	t.Helper()
	eventually(t, fmt.Sprintf("fetch %d is %s", id, state), func() bool { got = f.get(t, id); return got.State == state })
	return got
}

// fetches runs remote URLs through the whole system: from the queue of upload
// through an edge into the drive.
func fetches(t *testing.T, w *harness.World) {
	c := account(t, w)
	f := newFetching(t, w, c)
	body := randomBytes(t, 9<<20) // more than a segment
	held := make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(rw, r, "/file.bin", http.StatusFound)
		case "/file.bin":
			rw.Header().Set("Content-Disposition", `attachment; filename="x.bin"; filename*=UTF-8''%C3%A4%20b.bin`)
			rw.(http.Flusher).Flush() // the length is not known
			_, _ = rw.Write(body)
		case "/held":
			fmt.Fprint(rw, "some")
			rw.(http.Flusher).Flush()
			select {
			case <-held:
			case <-r.Context().Done():
			}
		case "/inside":
			http.Redirect(rw, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
		default:
			http.NotFound(rw, r)
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(release)

	n, err := f.objects.MakeFolder(t.Context(), objectv1.MakeFolderRequest{Principal: f.who, Path: "docs"})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{"": "ä b.bin", n.NodeID: "docs/ä b.bin"} {
		done := f.comesTo(t, f.add(t, s.URL+"/moved", at), uploadv1.FetchDone)
		o, err := f.objects.StatFile(t.Context(), objectv1.StatFileRequest{NodeID: done.NodeID})
		if err != nil {
			t.Fatal(err)
		}
		sum := md5.Sum(body) //nolint:gosec // what is wanted
		if o.File.Path != want || o.Size != int64(len(body)) || done.Size != o.Size || done.Attempts != 1 || hex.EncodeToString(o.Digests[blob.MD5]) != hex.EncodeToString(sum[:]) {
			t.Errorf("%+v, %+v", o, done)
		}
		if got := c.Get(t, objectv1.DriveBucket, want, nil); got.Status != http.StatusOK || !bytes.Equal(got.Body, body) {
			t.Errorf("%s reads as %d, %d bytes", want, got.Status, len(got.Body))
		}
	}
	for url, reason := range map[string]string{
		s.URL + "/gone": "the address answered with status 404", s.URL + "/inside": "the address is not one that this server sends requests to",
	} {
		if got := f.comesTo(t, f.add(t, url, ""), uploadv1.FetchFailed); got.Reason != reason || got.Attempts != 1 {
			t.Errorf("%s: %+v", url, got)
		}
	}
	_, err = f.AddFetch(t.Context(), uploadv1.AddFetchRequest{Principal: f.who, URL: "http://169.254.169.254/", Limit: 50})
	if !errors.Is(err, uploadv1.ErrBadFetchURL) {
		t.Errorf("an address inside: %v", err)
	}

	id := f.add(t, s.URL+"/held", "")
	f.comesTo(t, id, uploadv1.FetchDownloading)
	if got, err := f.CancelFetch(t.Context(), uploadv1.FetchRequest{Principal: f.who, ID: id}); err != nil || got.State != uploadv1.FetchCancelled {
		t.Errorf("%+v, %v", got, err)
	}
	release()
	all, err := f.ListFetches(t.Context(), uploadv1.ListFetchesRequest{Principal: f.who})
	if err != nil || len(all.Fetches) != 5 || all.Fetches[0].ID != id {
		t.Errorf("%+v, %v", all, err)
	}
	var page struct{ Files []harness.File }
	eventually(t, "what was cancelled is not there", func() bool {
		c.Lockr().Call(t, http.MethodGet, "/api/v1/files", nil).Want(t, http.StatusOK).JSON(t, &page)
		return len(page.Files) == 2 && !slices.ContainsFunc(page.Files, func(f harness.File) bool { return f.Name == "held" })
	})
}
