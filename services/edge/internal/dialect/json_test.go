package dialect_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// told is a body of every kind of value.
type told struct {
	Text  string            `json:"text"`
	Count *int64            `json:"count"`
	List  []string          `json:"list"`
	Map   map[string]string `json:"map"`
	Deep  *told             `json:"deep"`
}

func read(t *testing.T, body string, limit int64) (told, error) {
	t.Helper()
	var v told
	err := dialect.ReadStrictJSON(httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body)), &v, limit)
	return v, err
}

func TestReadStrictJSON(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{}`, ` {"text":"é\ud83d\ude00\\ud800","count":-5,"list":[],"map":{"a":"b"},"deep":{"text":""}} `, `{"map":{"a":"1","A":"2","":""}}`, `{"text":null,"count":null,"list":null,"map":null,"deep":null}`, `{"list":["\uffff","\ue000","\ud7ff"]}`,
	} {
		if _, err := read(t, body, 1<<20); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, body := range []string{
		``, ` `, `null`, `[]`, `"x"`, `{`, `{"text"`, `{"text":}`, `{"other":1}`, `{"deep":{"other":1}}`, `{"Text":"a"}`, `{"text":"a","TEXT":"b"}`, `{"deep":{"deep":{"":1}}}`, `{"text":{"a":1}}`, `{"list":[{"a":1}]}`, `{"map":["a"]}`, `{"map":{"a":{"b":1}}}`, `{"text":1}`, `{"count":1.5}`, `{"count":1e2}`, `{"count":99999999999999999999}`, `{"count":"1"}`,
		`{"list":[null]}`, `{"list":["a",null]}`, `{"deep":{"list":[null]}}`, `{"list":{}}`, `{"text":"a","text":"b"}`, `{"deep":{"count":1,"count":1}}`, `{} {}`, `{}x`, "{\"text\":\"\xff\"}", "{\"text\":\"a\nb\"}",
		`{"text":"\ud800"}`, `{"text":"\udc00\ud800"}`, `{"text":"\ud800\\udc00"}`, `{"text":"\ud800x"}`, `{"map":{"\ud800":"x"}}`, `{"text":"\uD83D\uD83D\uDE00"}`, `{"text":"\ud800\ud`, "\ufeff{}",
		strings.Repeat(`{"deep":`, 65) + `{}` + strings.Repeat(`}`, 65), `{"text":"` + strings.Repeat("x", 1<<20) + `"}`,
	} {
		_, err := read(t, body, 1<<20)
		if k := fault.KindOf(err); k != fault.Invalid && k != fault.TooLarge {
			t.Errorf("%.60s: %v", body, err)
		}
	}
	if _, err := read(t, `{"text":"`+strings.Repeat("x", 1<<20)+`"}`, 2<<20); err != nil {
		t.Error(err)
	}
}

// FuzzReadStrictJSON: what is taken is text, and of the text that was sent.
func FuzzReadStrictJSON(f *testing.F) {
	for _, s := range []string{`{"text":"\ud83d\ude00"}`, `{"text":"\ud83d"}`, `{"text":"\\\ud83d"}`, `{"list":["a",null]}`, `{"deep":{"deep":{}}}`, `{"map":{"\udc00":""}}`, `{"count":1}`, `{"text":"\u00`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		v, err := read(t, body, 1<<20)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.TooLarge {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		asReplacement := strings.ContainsRune(body, utf8.RuneError) || strings.Contains(strings.ToLower(body), `\ufffd`)
		for d := &v; d != nil; d = d.Deep {
			all := d.Text + strings.Join(d.List, "")
			for k, v := range d.Map {
				all += k + v
			}
			if strings.ContainsRune(all, utf8.RuneError) && !asReplacement {
				t.Fatalf("%q became %q", body, all)
			}
		}
	})
}
