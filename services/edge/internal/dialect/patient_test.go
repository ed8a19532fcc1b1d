package dialect_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

const quietWindow = time.Second

// quiet begins a stream whose uploader has sent "hello" and then nothing, and
// whose reader has got that.
func quiet(t *testing.T, w *edgetest.World) (up net.Conn, answer *bufio.Reader, down *http.Response) {
	t.Helper()
	var u struct {
		ID, UploadToken string
		Files           []struct{ ID string }
	}
	r := w.Want(t, 200, "POST", "/upload", `{"stream":true,"files":[{"fileName":"a"}]}`, nil)
	if err := json.Unmarshal([]byte(r.Body), &u); err != nil {
		t.Fatal(err)
	}
	path := "/file/" + u.ID + "/" + u.Files[0].ID + "/a"
	up, answer = dial(t, w, "POST", path, "X-UploadToken: "+u.UploadToken+"\r\nContent-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n")
	chunk(up, "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhello\r\n--")
	eventually(t, "the uploader waits", func() bool {
		f, _ := w.Plik.File(u.ID, u.Files[0].ID)
		return f.Status == "uploading"
	})
	down, err := w.Server.Client().Get(w.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { down.Body.Close() })
	// What may be the end's beginning is held back.
	got := make([]byte, 5)
	if _, err := io.ReadFull(down.Body, got); err != nil || string(got) != "hello" {
		t.Fatalf("%q %v", got, err)
	}
	return up, answer, down
}

func chunk(c net.Conn, s string) { fmt.Fprintf(c, "%x\r\n%s\r\n", len(s), s) }

// TestPatient_Quiet: a stream's uploader may be silent for longer than others, also
// in front of the end.
func TestPatient_Quiet(t *testing.T) {
	t.Parallel()
	for _, last := range []string{"\r\n--b--\r\n", " and more\r\n--b--\r\n"} {
		w := stall(t, quietWindow)
		up, answer, down := quiet(t, w)
		<-time.After(2 * quietWindow)
		chunk(up, strings.TrimPrefix(last, "\r\n--"))
		fmt.Fprint(up, "0\r\n\r\n")
		if _, err := io.ReadAll(down.Body); err != nil {
			t.Errorf("the reader: %v", err)
		}
		resp, err := http.ReadResponse(answer, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("the uploader: %s", resp.Status)
		}
	}
}

// TestPatient_Interrupted: an uploader who is silent hears of its reader's leaving
// all the same, and gets its answer whole.
func TestPatient_Interrupted(t *testing.T) {
	t.Parallel()
	w := stall(t, time.Minute)
	_, answer, down := quiet(t, w)
	down.Body.Close()
	resp, err := http.ReadResponse(answer, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusInternalServerError || err != nil {
		t.Errorf("%s %q %v", resp.Status, b, err)
	}
}
