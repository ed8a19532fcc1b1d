package locknex_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// curlBody is the body of the document's curl line, as curl sends it.
const curlBody = `{
"title":"Linux ISOs",
"password":"123",
"links":[
"https://ddownload.com/file/abc",
"https://rapidgator.net/file/xyz"
]
}`

// shellBody is what ConvertTo-Json of Windows PowerShell makes of the document's
// body: its own spaces, \r\n, and the order of a hash table.
func shellBody(id, password string) string {
	return "{\r\n    \"password\":  \"" + password + "\",\r\n    \"container_id\":  \"" + id + "\"\r\n}"
}

const (
	createdFields  = "success container_id title container_url status_api unlock_api badge_svg badge_webp container_size created_at"
	statusFields   = "success container_id title status created_at last_checked container_size hosts stats stats.online stats.offline stats.unknown"
	statsFields    = "success container_id title clicks clicks.today clicks.yesterday clicks.this_month clicks.total top_referrers"
	unlockedFields = "success container_id title links links[].url links[].host links[].status"
)

var stampForm = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`)

// TestDocument_Create sends the document's curl line.
func TestDocument_Create(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := keyOf(t, w, "ada")
	by.Set("Content-Type", "application/json")
	r := w.Want(t, 200, "POST", container+"/create", curlBody, by)
	holdFields(t, r.Body, createdFields)
	var c struct {
		Success   bool
		ID        string `json:"container_id"`
		Title     string
		URL       string `json:"container_url"`
		StatusAPI string `json:"status_api"`
		UnlockAPI string `json:"unlock_api"`
		SVG       string `json:"badge_svg"`
		WebP      string `json:"badge_webp"`
		Size      int    `json:"container_size"`
		CreatedAt string `json:"created_at"`
	}
	read(t, r, &c)
	if !c.Success || !regexp.MustCompile(`^[a-z0-9]{11}$`).MatchString(c.ID) || c.Title != "Linux ISOs" || c.Size != 2 || !stampForm.MatchString(c.CreatedAt) ||
		c.URL != w.URL+"/container/"+c.ID || c.StatusAPI != w.URL+public+"/"+c.ID+"/status" || c.UnlockAPI != w.URL+container+"/unlock" ||
		c.SVG != w.URL+"/s/"+c.ID+".svg" || c.WebP != w.URL+"/s/"+c.ID+".webp" {
		t.Errorf("%+v", c)
	}
	// And with what curl says of a body when nobody tells it.
	by.Set("Content-Type", "application/x-www-form-urlencoded")
	w.Want(t, 200, "POST", container+"/create", curlBody, by)
}

func TestDocument_Status(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := keyOf(t, w, "ada")
	id := create(t, w, by, `{"title":"Ubuntu","links":["https://rapidgator.net/file/1","https://www.DDownload.com:443/2","http://rapidgator.net/3"]}`)
	r := w.Want(t, 200, "GET", public+"/"+id+"/status", "", header())
	holdFields(t, r.Body, statusFields)
	if !strings.Contains(r.Body, `"status":"unknown","created_at":"`) || !strings.Contains(r.Body, `"last_checked":null,"container_size":3,"hosts":["rapidgator.net","ddownload.com"],"stats":{"online":0,"offline":0,"unknown":3}`) {
		t.Error(r.Body)
	}
	for _, k := range []struct {
		now  linksv1.Status
		urls []string
		want string
	}{
		{linksv1.Online, []string{"https://rapidgator.net/file/1"}, `"status":"partial"`},
		{linksv1.Online, []string{"https://www.ddownload.com/2", "http://rapidgator.net/3"}, `"stats":{"online":3,"offline":0,"unknown":0}`},
	} {
		check(t, w, k.now, k.urls...)
		r = w.Want(t, 200, "GET", public+"/"+id+"/status", "", header())
		var c struct {
			CreatedAt   string `json:"created_at"`
			LastChecked string `json:"last_checked"`
		}
		read(t, r, &c)
		if !strings.Contains(r.Body, k.want) || !stampForm.MatchString(c.CreatedAt) || !stampForm.MatchString(c.LastChecked) {
			t.Errorf("%s: %s", k.want, r.Body)
		}
	}
	if old := w.Want(t, 200, "GET", public+"/"+numericOf(t, w, by, id)+"/status", "", header()); old.Body != r.Body {
		t.Errorf("by the numeric id %s, else %s", old.Body, r.Body)
	}
}

func TestDocument_Stats(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := keyOf(t, w, "ada")
	id := create(t, w, by, `{"title":"Linux Collection","password":"p",`+twoLinks+`}`)
	r := w.Want(t, 200, "GET", public+"/"+id+"/stats", "", header())
	holdFields(t, r.Body, statsFields)
	if !strings.HasSuffix(strings.TrimSpace(r.Body), `"clicks":{"today":0,"yesterday":0,"this_month":0,"total":0},"top_referrers":[]}`) {
		t.Error(r.Body)
	}
	s := statsv1.Clicks{Today: 12, Yesterday: 21, ThisMonth: 441, Total: 8122}
	for range 12 {
		s.Referrers = append(s.Referrers, statsv1.Referrer{Host: "google.com", Clicks: 122})
	}
	w.Stats.Set(id, s)
	r = w.Want(t, 200, "GET", public+"/"+numericOf(t, w, by, id)+"/stats", "", header())
	holdFields(t, r.Body, statsFields+" top_referrers[].domain top_referrers[].clicks")
	if !strings.Contains(r.Body, `"clicks":{"today":12,"yesterday":21,"this_month":441,"total":8122},"top_referrers":[{"domain":"google.com","clicks":122},`) || strings.Count(r.Body, "google.com") != 10 ||
		!strings.Contains(r.Body, `"container_id":"`+id+`","title":"Linux Collection"`) {
		t.Error(r.Body)
	}
}

// TestDocument_Unlock sends the document's PowerShell call.
func TestDocument_Unlock(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := keyOf(t, w, "ada")
	id := create(t, w, by, `{"title":"Linux Collection","password":"deinPass","links":["https://rapidgator.net/file/1?a=b&c=d#x","https://ddownload.com/2"]}`)
	check(t, w, linksv1.Online, "https://rapidgator.net/file/1?a=b&c=d", "https://ddownload.com/2")
	agent := "Mozilla/5.0 (Windows NT; de-DE) WindowsPowerShell/5.1"
	for _, name := range []string{id, numericOf(t, w, by, id)} {
		r := w.Want(t, 200, "POST", container+"/unlock", shellBody(name, "deinPass"), header("Content-Type", "application/json", "User-Agent", agent, "Referer", "https://board.example/t/1"))
		holdFields(t, r.Body, unlockedFields)
		if !strings.Contains(r.Body, `{"success":true,"container_id":"`+id+`","title":"Linux Collection","links":[{"url":"https://rapidgator.net/file/1?a=b&c=d#x","host":"rapidgator.net","status":"online"},{"url":"https://ddownload.com/2","host":"ddownload.com","status":"online"}]}`) {
			t.Error(r.Body)
		}
	}
	views := w.Clicks.All()
	if len(views) != 2 || views[0].ContainerID != id || views[1].ContainerID != id || views[0].Agent != agent || views[0].Referrer != "https://board.example/t/1" || views[0].Source != "127.0.0.1" || views[0].BaseURL != w.URL {
		t.Errorf("%+v", views)
	}
}

// TestDocument_Big makes a container of the largest links there may be, and takes
// them all out again in order.
func TestDocument_Big(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := keyOf(t, w, "ada")
	var links []string
	for i := range linksv1.MaxLinks {
		u := fmt.Sprintf("https://rapidgator.net/file/%d/é", i)
		links = append(links, `"`+u+strings.Repeat("a", linksv1.MaxURL-len(u))+`"`)
	}
	id := create(t, w, by, `{"title":"big","password":"p","links":[`+strings.Join(links, ",")+`]}`)
	r := w.Want(t, 200, "POST", container+"/unlock", `{"container_id":"`+id+`","password":"p"}`, header())
	at := 0
	for i, l := range links {
		n := strings.Index(r.Body[at:], strings.Trim(l, `"`))
		if n < 0 {
			t.Fatalf("link %d is not in its place", i)
		}
		at += n
	}
	var c struct {
		Size  int `json:"container_size"`
		Links []struct{ URL string }
	}
	read(t, w.Want(t, 200, "GET", container+"/"+id, "", by), &c)
	if c.Size != linksv1.MaxLinks || len(c.Links) != c.Size {
		t.Errorf("%d links, %d said", len(c.Links), c.Size)
	}
}
