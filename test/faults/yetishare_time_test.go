package faults_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// TestYetishare_Time lets the hour of a token, the day of a download URL and the
// month of the trash go by (yetishare.md).
func TestYetishare_Time(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("needs a build that can run ahead of its time; make test-all runs it (SLUICE_TEST_FULL=1)")
	}
	w := harness.Start(t, harness.Options{FaultPoints: true, Env: []string{"SLUICE_OBJECT_SWEEP_INTERVAL=1s"}})
	y := harness.NewClient(t, w, "patient").Yetishare(t)
	kept, gone := y.Upload(t, "kept", strings.Repeat("k", 100)), y.Upload(t, "gone", strings.Repeat("g", 1000))
	dir := y.Folder(t, "dir", "")
	y.Upload(t, "in it", strings.Repeat("i", 10000), "folder_id", dir.ID)
	y.Ask(t, "/file/delete", "file_id", gone.FileID).Tells(t, "File successfully set as deleted.")
	y.Ask(t, "/folder/delete", "folder_id", dir.ID).Tells(t, "Folder successfully set as deleted.")
	var link struct {
		ID   string `json:"file_id"`
		Name string `json:"filename"`
		URL  string `json:"download_url"`
	}
	y.Ask(t, "/file/download", "file_id", kept.FileID).Data(t, &link)

	after := func(d time.Duration) {
		t.Helper()
		w.Kill("up")
		w.Ahead(t, d)
		y.HTTP.CloseIdleConnections()
		if err := w.StartProc(t.Context(), "up"); err != nil {
			t.Fatal(err)
		}
		if err := w.WaitReady(t.Context(), 3*time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	const reauth = "Could not validate access_token and account_id, please reauthenticate or try again."
	after(50 * time.Minute)
	y.List(t, "")
	after(100 * time.Minute) // 50 minutes behind its last use
	y.List(t, "")
	after(165 * time.Minute)
	y.Ask(t, "/folder/listing").Regrets(t, http.StatusOK, reauth)
	y.Authorize(t, "key1", y.Key1, "key2", y.Key2)
	y.Call(t, http.MethodGet, link.URL, nil).Want(t, http.StatusOK)

	used := func() string {
		var a map[string]string
		y.Ask(t, "/account/package").Data(t, &a)
		return a["storage_used_bytes"]
	}
	uses := func(bytes string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); used() != bytes; pause(t.Context(), 100*time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s bytes are used, want %s", used(), bytes)
			}
		}
	}
	after(25 * time.Hour)
	y.Authorize(t, "key1", y.Key1, "key2", y.Key2)
	if r := y.Call(t, http.MethodGet, link.URL, nil); r.Status < 400 || strings.Contains(string(r.Body), "kkk") {
		t.Errorf("a download URL of yesterday: %d", r.Status)
	}
	uses("11100") // trash counts
	after(31 * 24 * time.Hour)
	y.Authorize(t, "key1", y.Key1, "key2", y.Key2)
	uses("100")
	if l := y.List(t, ""); len(l.Files) != 1 || l.Files[0].ID != kept.FileID || len(l.Folders) != 0 {
		t.Errorf("%+v", l)
	}
	trash := y.Call(t, http.MethodGet, "/account/trash", nil, "Authorization", "Bearer "+y.Account)
	if trash.Status == http.StatusOK && strings.Contains(string(trash.Body), `name="node.`) {
		t.Error("the trash is not empty")
	}
}
