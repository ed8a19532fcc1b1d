package faults_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/rpc"
)

// leaseOfFetch is longer than that of a worker that fetches a URL.
const leaseOfFetch = uploadv1.FetchLease + 10*time.Second

// fetchedOnce dies when the file of a remote URL is in the drive and upload was not
// told. Another attempt finds it: there is one file, and the fetch is done.
func fetchedOnce(t *testing.T, p *plot) {
	l, body := p.c.Lockr(), p.body(t, "remote")
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	defer remote.Close()
	var login struct {
		Account struct {
			ID string `json:"id"`
		} `json:"account"`
	}
	p.c.Do(t, http.MethodPost, "/api/v1/login", map[string]string{"identifier": l.Username, "password": "correct horse " + l.Username}, http.Header{}).
		Want(t, http.StatusOK).JSON(t, &login)
	who := authv1.Principal{AccountID: login.Account.ID, Username: l.Username}

	p.later(t, p.crash.lease)
	p.w.Arm(t, p.crash.point, 0)
	client := uploadv1.NewFetchClient(rpc.NewClient(p.w.JetStream(t).Conn(), rpc.ClientConfig{}))
	f, err := client.AddFetch(t.Context(), uploadv1.AddFetchRequest{Principal: who, URL: remote.URL + "/" + p.crash.point, Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	if name := p.w.Died(t, time.Minute); name != p.crash.victim {
		t.Fatalf("%s died, not %s", name, p.crash.victim)
	}
	p.revive(t, p.crash.victim)
	p.overtaken(t)
	client = uploadv1.NewFetchClient(rpc.NewClient(p.w.JetStream(t).Conn(), rpc.ClientConfig{})) // the server may have died as well
	for deadline := time.Now().Add(time.Minute); f.State != uploadv1.FetchDone; pause(t.Context(), 100*time.Millisecond) {
		if got, err := client.GetFetch(t.Context(), uploadv1.FetchRequest{Principal: who, ID: f.ID}); err == nil {
			f = got
		}
		if time.Now().After(deadline) {
			t.Fatalf("it is %+v", f)
		}
	}
	var page struct{ Files []struct{ ID, Name string } }
	l.Call(t, http.MethodGet, "/api/v1/files", nil).Want(t, http.StatusOK).JSON(t, &page)
	if n := listed(t, l, p.crash.point); n != 1 || f.Attempts < 2 {
		t.Errorf("%d files of the name, %+v", n, f)
	}
	for _, file := range page.Files {
		if file.Name != p.crash.point { // another story's
			continue
		}
		p.reads(t, file.ID, body)
		l.Call(t, http.MethodDelete, "/api/v1/files/"+file.ID, nil).Want(t, http.StatusOK)
	}
}
