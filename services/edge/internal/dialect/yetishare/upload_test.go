package yetishare_test

import (
	"bufio"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

func TestUpload_Places(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.folder(t, "dir", "")
	big := strings.Repeat("0123456789abcdef", 40<<10) // 640 KiB: more than is ever kept
	for i, k := range []struct {
		name  string
		query url.Values
		parts []part
		want  string
	}{
		{"root", nil, append(w.credentials(), fileOf("n", "x")), "n"},
		{"blank folder", nil, append(w.credentials(), field("folder_id", ""), fileOf("n", "x")), "n (2)"},
		{"folder before", nil, append(w.credentials(), field("folder_id", d), fileOf("n", "x")), "dir/n"},
		{"folder behind", nil, append(w.credentials(), fileOf("n", "x"), field("folder_id", d)), "dir/n (2)"},
		{"folder behind, big", nil, append(w.credentials(), fileOf("n", big), field("folder_id", d)), "dir/n (3)"},
		{"folder twice", nil, append(w.credentials(), field("folder_id", d), fileOf("n", big), field("folder_id", "999")), "dir/n (4)"},
		{"folder in the query", values("folder_id", d), append(w.credentials(), fileOf("n", "x")), "dir/n (5)"},
		{"form before query, behind", values("folder_id", "999"), append(w.credentials(), field("folder_id", d), fileOf("n", "x")), "dir/n (6)"},
		{"form before query", values("folder_id", d), append(w.credentials(), fileOf("n", big), field("folder_id", "")), "n (3)"},
		{"all behind", nil, append([]part{fileOf("n", "x"), field("folder_id", d)}, w.credentials()...), "dir/n (7)"},
		{"token in the query", w.who, []part{fileOf("n", big)}, "n (4)"},
		{"token in the query, folder behind", w.who, []part{fileOf("n", big), field("folder_id", d)}, "dir/n (8)"},
		{"strangers", nil, append(w.credentials(), field("other", "x"), part{name: "photo", filename: "p.png", value: "p", file: true}, fileOf("n", "x"), field("more", "")), "n (5)"},
	} {
		body, kind := formOf(t, k.parts...)
		r := w.Do(t, "POST", api+"/file/upload?"+k.query.Encode(), body, header("Content-Type", kind))
		var a struct {
			Data []struct{ Name, Hash, Size string }
		}
		read(t, r, &a)
		if len(a.Data) != 1 || !strings.HasSuffix(k.want, a.Data[0].Name) || !slices.Contains(w.Object.Keys(ada, "drive"), k.want) {
			t.Fatalf("%d %s: %s; stored %v", i, k.name, r.Body, w.Object.Keys(ada, "drive"))
		}
		content := "x"
		if a.Data[0].Size != "1" {
			content = big
		}
		if sum := md5.Sum([]byte(content)); a.Data[0].Hash != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: hash %s", k.name, a.Data[0].Hash)
		}
	}
	if w.Object.Held() > 0 {
		t.Errorf("%d held", w.Object.Held())
	}
}

func TestUpload_Refused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	big := strings.Repeat("0123456789abcdef", 40<<10)
	first := "Send access_token and account_id before upload_file, or in the query string: a file of this size is not kept until they come."
	two := "Send one upload_file per request; nothing was stored."
	refusal(t, w.send(t, "/file/upload", append([]part{fileOf("n", big)}, w.credentials()...)...), 400, first)
	refusal(t, w.send(t, "/file/upload", append(w.credentials(), fileOf("n", "x"), fileOf("m", "y"))...), 400, two)
	refusal(t, w.send(t, "/file/upload", append(w.credentials(), fileOf("n", big), fileOf("m", "y"))...), 400, two)
	refusal(t, w.send(t, "/file/upload", append([]part{fileOf("n", "x"), fileOf("m", "y")}, w.credentials()...)...), 400, two)
	refusal(t, w.send(t, "/file/upload", append(w.credentials(), fileOf("n", big), field("folder_id", "999"))...), 200, noDir)
	refusal(t, w.send(t, "/file/upload", append(w.credentials(), fileOf("n", big), field("x", strings.Repeat("y", 64<<10)))...), 400, "The parameters are longer than 64 KiB.")
	refusal(t, w.send(t, "/file/upload", append(w.credentials(), fileOf("n", big), field("x", "\xff"))...), 400, `The "x" param is not UTF-8.`)
	stranger := part{name: "photo", filename: "p.png", value: strings.Repeat("p", 2<<20), file: true}
	const long = "The form is longer than 1024 KiB."
	refusal(t, w.send(t, "/file/upload", append([]part{stranger}, w.credentials()...)...), 400, long)
	refusal(t, w.send(t, "/file/upload", append([]part{fileOf("n", "x"), stranger}, w.credentials()...)...), 400, long)
	behind, kind := formOf(t, fileOf("n", "x"), field("access_token", "x"))
	refusal(t, w.Do(t, "POST", api+"/file/upload", behind+strings.Repeat("\r\n", 1<<20), header("Content-Type", kind)), 400, long)
	refusal(t, w.Do(t, "POST", api+"/file/upload", strings.Repeat("\r\n", 1<<20)+behind, header("Content-Type", kind)), 400, long)
	body, kind := formOf(t, append(w.credentials(), fileOf("n", big))...)
	for _, at := range []int{len(body) - 4, len(body) - 20, len(body) / 2} {
		refusal(t, w.Do(t, "POST", api+"/file/upload", body[:at], header("Content-Type", kind)), 400, "the body ended before its announced length; nothing was stored")
	}
	small, kind := formOf(t, append(w.credentials(), fileOf("n", "x"))...)
	for _, at := range []int{len(small) - 4, len(small) - 20} {
		refusal(t, w.Do(t, "POST", api+"/file/upload", small[:at], header("Content-Type", kind)), 400, "the body ended before its announced length; nothing was stored")
	}
	if keys := w.Object.Keys(ada, "drive"); len(keys) > 0 || w.Object.Held() > 0 {
		t.Errorf("stored %v, %d held", keys, w.Object.Held())
	}
	w.Auth.SetLimits(ada, authv1.Limits{StorageBytes: 1e9, ObjectBytes: 1000})
	refusal(t, w.send(t, "/file/upload", append(w.credentials(), fileOf("n", strings.Repeat("x", 1001)))...), 200, objectv1.ErrTooLarge.Message)
	w.Auth.SetLimits(ada, authv1.Limits{StorageBytes: 10, ObjectBytes: 1000})
	refusal(t, w.send(t, "/file/upload", append(w.credentials(), fileOf("n", "eleven byte"))...), 200, objectv1.ErrQuotaExceeded.Message)
	if keys := w.Object.Keys(ada, "drive"); len(keys) > 0 {
		t.Errorf("stored %v", keys)
	}
}

// TestUpload_Gone cuts the connection at many places: nothing may come of it.
func TestUpload_Gone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body, kind := formOf(t, append(w.credentials(), fileOf("n", strings.Repeat("x", 100<<10)), field("folder_id", ""))...)
	for _, at := range []int{0, 10, 400, 600, 50 << 10, len(body) - 150, len(body) - 30, len(body) - 3} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST %s/file/upload HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", api, kind, len(body))
		_, _ = io.WriteString(conn, body[:at])
		_ = conn.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(bufio.NewReader(conn))
		conn.Close()
		if strings.Contains(string(answer), "File uploaded") {
			t.Errorf("cut at %d: %s", at, answer)
		}
	}
	if keys := w.Object.Keys(ada, "drive"); len(keys) > 0 || w.Object.Held() > 0 {
		t.Errorf("stored %v, %d held", keys, w.Object.Held())
	}
}

// TestUpload_Names sends names that mean something elsewhere.
func TestUpload_Names(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, k := range []struct{ sent, want, html string }{
		{`q"u'o.txt`, `q"u'o.txt`, `download q&quot;u&#039;o.txt from Sluice`},
		{`<script>alert(1)</script>.html`, `script>.html`, `download script&gt;.html from Sluice`},
		{`<b onmouseover=x>&amp;.txt`, `<b onmouseover=x>&amp;.txt`, `download &lt;b onmouseover=x&gt;&amp;amp;.txt from Sluice`},
		{`[url]x[/url] [img].txt`, `url] [img].txt`, `download url] [img].txt from Sluice`},
		{`../../etc/passwd`, `passwd`, `download passwd from Sluice`},
		{"\u202etxt.exe", "txt.exe", "download txt.exe from Sluice"},
		{"tab\tname", "tabname", "download tabname from Sluice"},
		{"..", "file", "download file from Sluice"},
		{strings.Repeat("é", 200) + ".jpeg", strings.Repeat("é", 125) + ".jpeg", "download " + strings.Repeat("é", 125) + ".jpeg from Sluice"},
		{"latin-\xe9.txt", "latin-\uFFFD.txt", "download latin-\uFFFD.txt from Sluice"},
		{"日本語.png", "日本語.png", "download 日本語.png from Sluice"},
	} {
		f := w.upload(t, k.sent, "plain text")
		if f["name"] != k.want || len(k.want) > 255 || !utf8.ValidString(fmt.Sprint(f["name"])) {
			t.Errorf("%q became %q, want %q", k.sent, f["name"], k.want)
		}
		want := fmt.Sprintf(`<a href="%s" target="_blank" title="Download from Sluice">%s</a>`, f["url"], k.html)
		if f["url_html"] != want || f["url_bbcode"] != fmt.Sprintf("[url]%s[/url]", f["url"]) {
			t.Errorf("%q:\n%s, want\n%s\n%s", k.sent, f["url_html"], want, f["url_bbcode"])
		}
	}
}

func TestUpload_Types(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	png := "\x89PNG\r\n\x1a\n0000"
	for _, k := range []struct{ sent, content, want string }{
		{"application/octet-stream", png, "image/png"}, {"", png, "image/png"}, {"nonsense", png, "image/png"}, {"a/" + strings.Repeat("b", 300), png, "image/png"},
		{"image/jpeg", png, "image/jpeg"}, {"text/html; charset=utf-8", "<b>", "text/html"}, {"application/octet-stream", "\x00\x01", "application/octet-stream"},
	} {
		p := fileOf("n", k.content)
		p.kind = k.sent
		var a struct{ Data []map[string]any }
		read(t, w.send(t, "/file/upload", append(w.credentials(), p)...), &a)
		if len(a.Data) != 1 || a.Data[0]["type"] != k.want {
			t.Errorf("%q gave %v", k.sent, a.Data)
		}
		if k.want == "image/png" && !strings.Contains(fmt.Sprint(a.Data[0]["url_html"]), `title="View image on Sluice">view n`) {
			t.Errorf("%v", a.Data[0]["url_html"])
		}
	}
}

// steady gives n bytes, and notes the most memory that it saw in use meanwhile.
type steady struct {
	left int64
	most *atomic.Uint64
	step int64
}

func (s *steady) Read(b []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(b)), s.left)
	clear(b[:n])
	s.left -= n
	if s.step += n; s.step > 8<<20 {
		s.step = 0
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		s.most.Store(max(s.most.Load(), m.HeapAlloc))
	}
	return int(n), nil
}

// TestUpload_Memory streams 256 MiB: in use meanwhile is what a few buffers take.
// Alone, so that no other test's memory counts.
func TestUpload_Memory(t *testing.T) {
	w := newWorld(t)
	w.Blobs.Discard = true
	const size = 256 << 20
	head, kind := formOf(t, append(w.credentials(), fileOf("big.bin", "CUT"))...)
	front, back, _ := strings.Cut(head, "CUT")
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var most atomic.Uint64
	body := io.MultiReader(strings.NewReader(front), &steady{left: size, most: &most}, strings.NewReader(back))
	req, err := http.NewRequestWithContext(t.Context(), "POST", w.URL+api+"/file/upload", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	req.ContentLength = int64(len(front)) + size + int64(len(back))
	resp, err := w.Server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(answer), fmt.Sprintf(`"size":"%d"`, size)) {
		t.Fatalf("%v %s", err, answer)
	}
	if grown := int64(most.Load()) - int64(before.HeapAlloc); grown > 24<<20 {
		t.Errorf("%d MiB more in use for a file of %d", grown>>20, size>>20)
	}
}
