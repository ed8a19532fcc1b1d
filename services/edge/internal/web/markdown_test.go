package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func (b *browser) comments(t testing.TB, status int, markdown string, header ...string) answer {
	t.Helper()
	return b.send(t, status, b.request(t, http.MethodPost, "/pages/comments", markdown, header...))
}

func TestComments_AreMarkdown(t *testing.T) {
	t.Parallel()
	b := open(t, edgetest.New(t))
	for source, want := range map[string]string{
		"":                          "",
		"*a* **b** ~~c~~ `d`":       "<p><em>a</em> <strong>b</strong> <del>c</del> <code>d</code></p>\n",
		"# Title":                   "<h3>Title</h3>\n",
		"###### Deep":               "<h6>Deep</h6>\n",
		"- a\n- b":                  "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n",
		"> quoted":                  "<blockquote>\n<p>quoted</p>\n</blockquote>\n",
		"```go\nx < y\n```":         "<pre><code>x &lt; y\n</code></pre>\n",
		"[a](https://example.com)":  `<p><a href="https://example.com" rel="nofollow noreferrer noopener" target="_blank">a</a></p>` + "\n",
		"see https://example.com":   `<p>see <a href="https://example.com" rel="nofollow noreferrer noopener" target="_blank">https://example.com</a></p>` + "\n",
		"Grüße, 世界 🎉":               "<p>Grüße, 世界 🎉</p>\n",
		"![seen](https://x.test/p)": `<p><a href="https://x.test/p" rel="nofollow noreferrer noopener" target="_blank">seen</a></p>` + "\n",
	} {
		a := b.comments(t, 200, source)
		if a.body != want {
			t.Errorf("%q gives %q, want %q", source, a.body, want)
		}
		if !strings.Contains(a.Header.Get("Content-Security-Policy"), "sandbox") || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("headers: %v", a.Header)
		}
	}
}

// tags are the only ones that a comment may have.
var (
	anyTag  = regexp.MustCompile(`<[^>]*>?`)
	safeTag = regexp.MustCompile(`^</?(p|br|hr|h[3-6]|em|strong|del|code|pre|blockquote|ul|ol|li)/?>$|^</a>$|^<a href="(https?://|mailto:)[^"<>]*" rel="[a-z ]+"( target="_blank")?>$`)
)

func wantSafe(t testing.TB, source, html string) {
	t.Helper()
	for _, tag := range anyTag.FindAllString(html, -1) {
		if !safeTag.MatchString(tag) {
			t.Errorf("%.200q gives the tag %q", source, tag)
		}
	}
}

// hostile are comments that want more than to be read.
var hostile = []string{
	"<script>alert(1)</script>", "a <script src=//x.test></script> b", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "<iframe srcdoc='<script>alert(1)</script>'>",
	"[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java\nscript:alert(1))", "[x](&#106;avascript:alert(1))", "[x](data:text/html,<script>alert(1)</script>)", "[x](vbscript:x)",
	"[x](//x.test)", "[x](/auth/logout)", "[x](http:/auth/logout)", "[x](https:auth/logout)", "[](http:)", "[x](#top)", "<javascript:alert(1)>", "[x]( https://x.test\"onmouseover=\"alert(1) )", "[x](https://x.test 'a\" onclick=\"alert(1)')",
	"![t](/auth/logout)", "![t](https://x.test/pixel.gif)", "[![t](https://x.test/p.gif)](javascript:alert(1))", "![](javascript:alert(1))", "![![a](https://a.test)](https://b.test)",
	"<style>*{display:none}</style>", "<form action=/account/delete method=post><button>x</button></form>", "<base href=//x.test>", "<meta http-equiv=refresh content=0;url=//x.test>",
	"<a href=https://x.test id=plik name=main class=card style=position:fixed>x</a>", "<!-- <script> -->", "<![CDATA[<script>]]>", "<math><mtext><script>alert(1)</script>", "</p></main><h1>x</h1>",
	"```html\n<script>alert(1)</script>\n```", "`<img src=x>`", "\x00<script>", "<scr\x00ipt>", "&lt;script&gt;alert(1)&lt;/script&gt;", "<<script>script>alert(1)", "[a]: javascript:x\n[a]", "https://x.test/<script>", "mailto:a@b.test?subject=<script>",
}

func TestComments_Hostile(t *testing.T) {
	t.Parallel()
	b := open(t, edgetest.New(t))
	for _, source := range hostile {
		wantSafe(t, source, b.comments(t, 200, source).body)
	}
	b.comments(t, 413, strings.Repeat("x", 8<<10+1))
	b.comments(t, 400, "\xff\xfe")
	b.comments(t, 403, "x", "Origin", "https://evil.example")
	b.get(t, 405, "/pages/comments")
}

// What is made to take long ends. The parser's square of 8 KiB is 60 ms; the
// bound is one for a race detector on a machine that does other things, too.
func TestComments_Endless(t *testing.T) {
	t.Parallel()
	b := open(t, edgetest.New(t))
	for _, part := range []string{
		">", "> ", "- ", "* a\n", "[", "![", "[a](", "[a](<", "*", "* ", "*a ", "_a_", "**a_ ", "`", "`a``", "<", "<a ", "<!--", "&", "&#", "\\", "(", ")", "![](", "[a]: b\n", "[a][", "a@a.", "http://", "www.", "https://a.a/(", "~", "~~a~",
		"#", "1. ", "1.\n", "\t", "  - a\n", "> - ", "|a", "\n\n", "===\n", "a\n=\n", "```\n", "~~~", "<?", "<![CDATA[", "\u0301", "🎉", "x", "\u2028",
	} {
		source := strings.Repeat(part, 8<<10/len(part))
		start := time.Now()
		status := 200
		if strings.Trim(part, "> -1.") == "" && part != "1.\n" || part == "* " {
			status = 400 // more quotes and lists than a comment may nest
		}
		html := b.comments(t, status, source).body
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%q again and again takes %v", part, took)
		}
		if len(html) > 64*len(source) {
			t.Errorf("%q again and again gives %d bytes", part, len(html))
		}
	}
	deep := strings.Builder{}
	for i := range 60 {
		deep.WriteString(strings.Repeat("  ", i) + "- a\n")
	}
	if n := strings.Count(b.comments(t, 200, deep.String()).body, "<ul>"); n > 21 { // the last one is empty
		t.Errorf("lists nest %d deep", n)
	}
	b.comments(t, 200, strings.Repeat("> ", 20)+"x")
}

func FuzzComments(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	b := open(f, edgetest.New(f))
	f.Fuzz(func(t *testing.T, source string) {
		req := b.request(t, http.MethodPost, "/pages/comments", source)
		resp, err := b.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode >= 500 {
			t.Errorf("%q: %d", source, resp.StatusCode)
		}
		if resp.StatusCode == http.StatusOK {
			wantSafe(t, source, read(t, resp.Body))
		}
	})
}
