package locknex_test

import (
	"fmt"
	"strings"
	"testing"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func manyLinks(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"https://a.example/%d"`, i)
	}
	return strings.TrimPrefix(b.String(), ",")
}

// TestCreate_Rules has a row for each field and rule of a container.
func TestCreate_Rules(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := keyOf(t, w, "ada")
	rows := []struct {
		name, body string
		status     int
		code       string
		says       string // in the answer
	}{
		{"title of one character", `{"title":"ö",` + twoLinks + `}`, 200, "", `"title":"ö"`},
		{"title of 200 characters", `{"title":"` + strings.Repeat("ü", 200) + `",` + twoLinks + `}`, 200, "", ""},
		{"white space around a title", `{"title":"  a b ",` + twoLinks + `}`, 200, "", `"title":"a b"`},
		{"HTML in a title", `{"title":"<b>&</b>",` + twoLinks + `}`, 200, "", `"title":"<b>&</b>"`},
		{"title of 201 characters", `{"title":"` + strings.Repeat("ü", 201) + `",` + twoLinks + `}`, 400, "bad_title", "200"},
		{"empty title", `{"title":"",` + twoLinks + `}`, 400, "bad_title", ""},
		{"blank title", `{"title":"   ",` + twoLinks + `}`, 400, "bad_title", ""},
		{"control character in a title", `{"title":"a\nb",` + twoLinks + `}`, 400, "bad_title", ""},
		{"no title", `{` + twoLinks + `}`, 400, "bad_title", "title is needed"},
		{"null title", `{"title":null,` + twoLinks + `}`, 400, "bad_title", "title is needed"},
		{"number as title", `{"title":5,` + twoLinks + `}`, 400, "bad_json", `title`},
		{"half a character in a title", `{"title":"\ud800",` + twoLinks + `}`, 400, "bad_json", "surrogate"},

		{"no password", `{"title":"a",` + twoLinks + `}`, 200, "", ""},
		{"null password", `{"title":"a","password":null,` + twoLinks + `}`, 200, "", ""},
		{"empty password", `{"title":"a","password":"",` + twoLinks + `}`, 200, "", ""},
		{"longest password", `{"title":"a","password":"` + strings.Repeat("p", linksv1.MaxPassword) + `",` + twoLinks + `}`, 200, "", ""},
		{"too long a password", `{"title":"a","password":"` + strings.Repeat("p", linksv1.MaxPassword+1) + `",` + twoLinks + `}`, 400, "invalid_request", ""},
		{"number as password", `{"title":"a","password":123,` + twoLinks + `}`, 400, "bad_json", "password"},

		{"no links", `{"title":"a"}`, 400, "too_many_links", "links is needed"},
		{"null links", `{"title":"a","links":null}`, 400, "too_many_links", "links is needed"},
		{"empty links", `{"title":"a","links":[]}`, 400, "too_many_links", "1 to 1000"},
		{"null among links", `{"title":"a","links":[null]}`, 400, "bad_json", "null"},
		{"number among links", `{"title":"a","links":[1]}`, 400, "bad_json", ""},
		{"a text as links", `{"title":"a","links":"https://a.example/"}`, 400, "bad_json", "links"},
		{"1000 links", `{"title":"a","links":[` + manyLinks(1000) + `]}`, 200, "", `"container_size":1000`},
		{"1001 links", `{"title":"a","links":[` + manyLinks(1001) + `]}`, 400, "too_many_links", "1001"},
		{"1001 links, one of them twice", `{"title":"a","links":[` + manyLinks(1000) + `,"https://a.example/0"]}`, 200, "", `"container_size":1000`},
		{"duplicates", `{"title":"a","links":["https://a.example/1","https://b.example/1","https://A.example:443/1"]}`, 200, "", `"container_size":2`},
		{"white space around a link", `{"title":"a","links":[" https://a.example/1\n"]}`, 200, "", ""},
		{"longest link", `{"title":"a","links":["https://a.example/` + strings.Repeat("a", linksv1.MaxURL-18) + `"]}`, 200, "", ""},
		{"too long a link", `{"title":"a","links":["https://a.example/` + strings.Repeat("a", linksv1.MaxURL-17) + `"]}`, 400, "bad_link", "link 1"},
		{"ftp", `{"title":"a","links":["https://a.example/","ftp://a.example/"]}`, 400, "bad_link", `link 2 (\"ftp://a.example/\")`},
		{"javascript", `{"title":"a","links":["javascript:alert(1)"]}`, 400, "bad_link", "link 1"},
		{"user name in a link", `{"title":"a","links":["https://u:p@a.example/"]}`, 400, "bad_link", "link 1"},
		{"no host", `{"title":"a","links":["https:///x"]}`, 400, "bad_link", "link 1"},
		{"empty link", `{"title":"a","links":[""]}`, 400, "bad_link", "empty"},
		{"quotation mark in a link", `{"title":"a","links":["https://a.example/\"><script>"]}`, 400, "bad_link", "link 1"},

		{"mirrors", `{"title":"a","mirrors":[{"links":["https://a.example/1","https://a.example/2"],"backups":["https://b.example/1"]},{"links":["https://c.example/1"]}]}`, 200, "", `"container_size":4`},
		{"links and mirrors", `{"title":"a",` + twoLinks + `,"mirrors":[]}`, 400, "invalid_request", "not both"},
		{"no mirrors", `{"title":"a","mirrors":[]}`, 400, "too_many_links", ""},
		{"mirror without links", `{"title":"a","mirrors":[{"backups":["https://b.example/1"]}]}`, 400, "too_many_links", "mirror 1"},
		{"more backups than links", `{"title":"a","mirrors":[{"links":["https://a.example/1"],"backups":["","https://b.example/1"]}]}`, 400, "invalid_request", "backups"},
		{"bad link of a mirror", `{"title":"a","mirrors":[{"links":["https://a.example/1"]},{"links":["https://a.example/2","x"]}]}`, 400, "bad_link", "link 2 of mirror 2"},
		{"bad backup", `{"title":"a","mirrors":[{"links":["https://a.example/1"],"backups":["x"]}]}`, 400, "bad_link", "backup 1 of mirror 1"},

		{"switches", `{"title":"a","captcha":true,"allow_cnl":false,"allow_links":false,"group":"iso",` + twoLinks + `}`, 200, "", ""},
		{"text as switch", `{"title":"a","captcha":"yes",` + twoLinks + `}`, 400, "bad_json", "captcha"},
		{"longest group", `{"title":"a","group":"` + strings.Repeat("ä", 64) + `",` + twoLinks + `}`, 200, "", ""},
		{"too long a group", `{"title":"a","group":"` + strings.Repeat("ä", 65) + `",` + twoLinks + `}`, 400, "invalid_request", ""},
		{"what is not ours", `{"title":"a","folder":7,"category":[],` + twoLinks + `}`, 200, "", ""},

		{"no body", ``, 400, "bad_json", "empty"},
		{"no object", `[]`, 400, "bad_json", "object"},
		{"broken off", `{"title":"a"`, 400, "bad_json", ""},
		{"text behind", `{"title":"a",` + twoLinks + `} x`, 400, "bad_json", ""},
		{"a name twice", `{"title":"a","title":"b",` + twoLinks + `}`, 400, "bad_json", "twice"},
		{"not UTF-8", "{\"title\":\"\xff\"," + twoLinks + `}`, 400, "bad_json", "UTF-8"},
		{"too long a body", `{"title":"a","x":"` + strings.Repeat("x", 4<<20) + `"}`, 413, "body_too_large", "4 MiB"},
	}
	for _, k := range rows {
		r := w.Do(t, "POST", container+"/create", k.body, by)
		if !strings.Contains(r.Body, k.says) {
			t.Errorf("%s: %s does not say %s", k.name, r.Body, k.says)
		}
		if k.status != 200 {
			refused(t, r, k.status, k.code)
		} else if r.Status != 200 {
			t.Errorf("%s: %d %s", k.name, r.Status, r.Body)
		}
	}
	var l struct{ Total int }
	good := 0
	for _, k := range rows {
		if k.status == 200 {
			good++
		}
	}
	read(t, w.Want(t, 200, "GET", container+"/list", "", by), &l)
	if l.Total != good {
		t.Errorf("%d containers: what was refused was made, or the other way round", l.Total)
	}
}

// TestUpdate_Rules has a row for each field and rule of an edit.
func TestUpdate_Rules(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := keyOf(t, w, "ada")
	id := create(t, w, by, `{"title":"a","password":"old","group":"g",`+twoLinks+`}`)
	at := container + "/" + id
	for _, k := range []struct {
		name, body string
		status     int
		code, says string
	}{
		{"rename", `{"title":" b "}`, 200, "", `"title":"b"`},
		{"the rest stays", `{"title":"c"}`, 200, "", `"protected":true,"captcha":false,"allow_cnl":true,"allow_links":true,"group":"g"`},
		{"a switch", `{"captcha":true}`, 200, "", `"captcha":true,"allow_cnl":true,"allow_links":true,"group":"g"`},
		{"two more", `{"allow_cnl":false,"allow_links":false}`, 200, "", `"captcha":true,"allow_cnl":false,"allow_links":false,"group":"g"`},
		{"no group", `{"group":""}`, 200, "", `"group":""`},
		{"null changes nothing", `{"title":"d","password":null,"links":null,"group":null}`, 200, "", `"protected":true`},
		{"links", `{"links":["https://ddownload.com/file/abc","https://x.example/1","https://x.example/1"]}`, 200, "", `"container_size":2,"hosts":["ddownload.com","x.example"]`},
		{"1000 links", `{"links":[` + manyLinks(1000) + `]}`, 200, "", `"container_size":1000`},
		{"mirrors", `{"mirrors":[{"links":["https://a.example/1"],"backups":["https://b.example/1"]}]}`, 200, "", `"mirror":0,"backup":true`},
		{"no password", `{"password":""}`, 200, "", `"protected":false`},
		{"another password", `{"password":"new"}`, 200, "", `"protected":true`},
		{"nothing", `{}`, 400, "invalid_request", "nothing to change"},
		{"unknown fields only", `{"name":"x"}`, 400, "invalid_request", "nothing to change"},
		{"empty title", `{"title":""}`, 400, "bad_title", ""},
		{"no links", `{"links":[]}`, 400, "too_many_links", ""},
		{"1001 links", `{"links":[` + manyLinks(1001) + `]}`, 400, "too_many_links", "1001"},
		{"a bad link", `{"title":"e","links":["https://a.example/1","x"]}`, 400, "bad_link", "link 2"},
		{"links and mirrors", `{"links":[],"mirrors":[]}`, 400, "invalid_request", ""},
		{"wrong type", `{"title":[]}`, 400, "bad_json", "title"},
		{"no object", `"x"`, 400, "bad_json", ""},
		{"too long a body", `{"title":"` + strings.Repeat("x", 4<<20) + `"}`, 413, "body_too_large", ""},
	} {
		r := w.Do(t, "PUT", at, k.body, by)
		if !strings.Contains(r.Body, k.says) {
			t.Errorf("%s: %s does not say %s", k.name, r.Body, k.says)
		}
		if k.status != 200 {
			refused(t, r, k.status, k.code)
		} else if r.Status != 200 {
			t.Errorf("%s: %d %s", k.name, r.Status, r.Body)
		}
	}
	var c struct {
		Title string
		Links []struct{ URL string }
	}
	read(t, w.Want(t, 200, "GET", at, "", by), &c)
	if c.Title != "d" || len(c.Links) != 2 {
		t.Errorf("what was refused was done: %+v", c)
	}
	w.Want(t, 200, "POST", container+"/unlock", `{"container_id":"`+id+`","password":"new"}`, header())
	refused(t, w.Do(t, "POST", container+"/unlock", `{"container_id":"`+id+`","password":"old"}`, header()), 403, "wrong_password")
}

// TestOwner_Fields holds the owner's views to what README.md says of them.
func TestOwner_Fields(t *testing.T) {
	t.Parallel()
	const own = "container_id numeric_id title status created_at updated_at last_checked container_size hosts stats stats.online stats.offline stats.unknown protected captcha allow_cnl allow_links group container_url status_api badge_svg badge_webp"
	w := edgetest.New(t)
	by := keyOf(t, w, "ada")
	id := create(t, w, by, `{"title":"a",`+twoLinks+`}`)
	check(t, w, linksv1.Offline, "https://ddownload.com/file/abc")
	r := w.Want(t, 200, "GET", container+"/"+id, "", by)
	links := ""
	for _, f := range strings.Fields("url host status mirror backup last_checked http_status reason name size failures last_definite last_definite_at") {
		links += " links[]." + f
	}
	holdFields(t, r.Body, "success "+own+" links"+links)
	if !strings.Contains(r.Body, `"http_status":null,"reason":"","name":"","size":null,"failures":0,"last_definite":"offline","last_definite_at":"`) {
		t.Error(r.Body)
	}
	if put := w.Want(t, 200, "PUT", container+"/"+numericOf(t, w, by, id), `{"title":"a"}`, by); strings.Join(fields(t, put.Body), " ") != strings.Join(fields(t, r.Body), " ") {
		t.Error(put.Body)
	}
	list := "success containers"
	for _, f := range strings.Fields(own) {
		list += " containers[]." + f
	}
	holdFields(t, w.Want(t, 200, "GET", container+"/list", "", by).Body, list+" total after before")
	holdFields(t, w.Want(t, 200, "DELETE", container+"/"+id, "", by).Body, "success container_id")
}

func TestList(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := keyOf(t, w, "ada")
	holdFields(t, w.Want(t, 200, "GET", container+"/list", "", by).Body, "success containers total after before")
	for i := range 5 {
		create(t, w, by, fmt.Sprintf(`{"title":"t%d","group":"g%d","links":["https://a.example/%d"]}`, i, i%2, i))
	}
	check(t, w, linksv1.Online, "https://a.example/3")
	type page struct {
		Containers    []struct{ Title string }
		Total         int
		After, Before string
	}
	get := func(query string) (p page, titles string) {
		t.Helper()
		read(t, w.Want(t, 200, "GET", container+"/list"+query, "", by), &p)
		for _, c := range p.Containers {
			titles += c.Title
		}
		return p, titles
	}
	for query, want := range map[string]string{
		"": "t4t3t2t1t0", "?order=asc": "t0t1t2t3t4", "?limit=2": "t4t3", "?limit=2&offset=1": "t3t2", "?group=g1": "t3t1", "?status=online": "t3", "?status=unknown&group=g1": "t1",
		"?status=offline": "", "?group=none": "", "?unknown=x": "t4t3t2t1t0", "?limit=": "t4t3t2t1t0",
	} {
		if p, titles := get(query); len(titles) != len(want) || query != "?limit=2" && p.After != "" && query != "?limit=2&offset=1" {
			t.Errorf("%s: %s, want %s", query, titles, want)
		}
	}
	var all string
	p, titles := get("?limit=2")
	for all = titles; p.After != ""; all += titles {
		p, titles = get("?limit=2&after=" + p.After)
	}
	if len(all) != 10 || p.Total != 5 {
		t.Errorf("page by page %s of %d", all, p.Total)
	}
	for query, code := range map[string]string{
		"?limit=0": "bad_query", "?limit=101": "bad_query", "?limit=x": "bad_query", "?offset=-1": "bad_query", "?order=up": "bad_query", "?status=gone": "bad_query",
		"?limit=1&limit=2": "bad_query", "?group=%ff": "bad_query", "?group=%zz": "bad_query", "?after=!": "bad_cursor", "?after=x&before=y": "both_cursors",
	} {
		refused(t, w.Do(t, "GET", container+"/list"+query, "", by), 400, code)
	}
}
