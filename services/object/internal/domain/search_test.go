package domain_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

func TestSearchWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                "",
		"-- '\" / \\ %_*":                 "",
		"Holiday Photos 2026.JPG":         "holiday photos 2026 jpg",
		"under_score-and'quote\"s":        "under score and quote s",
		"Ünïcode":                         "unicode",
		"U\u0308ni\u0308code":             "unicode",
		"ΣΊΣΥΦΟΣ σίσυφος":                 "ςιςυφος",
		"ﬁle ①Ⅷ ＡＢＣ":                      "file 1viii abc",
		"İstanbul":                        "istanbul",
		"soft\u00adhyphen zero\u200bwide": "softhyphen zerowide",
		"東京 タワー":                          "東京 タワー",
		"हिन्दी":                          "हिनदी",
		"a a A b":                         "a b",
		"same.same.SAME":                  "same",
		"bad\xffutf8":                     "bad utf8",
		strings.Repeat("x", 255):          strings.Repeat("x", 100),
		strings.Repeat("é", 120):          strings.Repeat("e", 100),
		"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17": "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
	} {
		if got := strings.Join(domain.SearchWords(text), " "); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func FuzzSearchWords(f *testing.F) {
	f.Add("Holiday Photos 2026.JPG")
	f.Add("U\u0308ni\u0308code \ufdfa İı ſK ﬁ")
	f.Add(strings.Repeat("\ufdfa", 80))
	f.Add("\xff\x00\u0345\u0300 a")
	f.Fuzz(func(t *testing.T, text string) {
		words := domain.SearchWords(text)
		if len(words) > 16 {
			t.Fatalf("%d words", len(words))
		}
		for i, w := range words {
			if w == "" || len(w) > 100 || !utf8.ValidString(w) || strings.ContainsAny(w, " \x00/") || slices.Contains(words[:i], w) {
				t.Fatalf("%q of %q", words, text)
			}
			if again := domain.SearchWords(w); !slices.Equal(again, []string{w}) { // what is typed is found
				t.Fatalf("%q of %q becomes %q", w, text, again)
			}
		}
	})
}

// searched is a drive with public folders and others.
func searched(t *testing.T) *env {
	e := newEnv(t, envOptions{})
	e.folder("Öffentlich und schön")
	e.folder("Öffentlich und schön/inner folder")
	e.folder("hidden folder")
	for _, path := range []string{
		"Öffentlich und schön/Sommer Urlaub.jpg", "Öffentlich und schön/sommer's \"best\".txt", "Öffentlich und schön/inner folder/sommer",
		"hidden folder/sommer secret", "sommer in the root", "Öffentlich und schön/" + strings.Repeat("lang ", 48) + "sommer",
	} {
		e.touch(path)
	}
	e.share(e.idOf("Öffentlich und schön"), objectv1.VisibilityPublic, "")
	e.share(e.idOf("hidden folder"), objectv1.VisibilityUnlisted, "")
	e.tallied()
	return e
}

func TestSearch_FindsWhatIsPublic(t *testing.T) {
	t.Parallel()
	e := searched(t)
	long := strings.Repeat("lang ", 48) + "sommer"
	e.wantFound("sommer", "Sommer Urlaub.jpg", "sommer's \"best\".txt", long)
	e.wantFound("SOMMER url", "Sommer Urlaub.jpg")
	e.wantFound("somm s", "Sommer Urlaub.jpg", "sommer's \"best\".txt", long)
	e.wantFound("öff", "Öffentlich und schön")
	e.wantFound("offentlich SCHO\u0308N", "Öffentlich und schön")
	e.wantFound("'\"best\"'", "sommer's \"best\".txt")
	e.wantFound("lang", long)
	e.wantFound("l la lan", long)
	for _, nothing := range []string{"ommer", "sommer secret", "inner", "hidden", "root", "sommer zzz", "--", "%", "*", strings.Repeat("x", 200)} {
		e.wantFound(nothing)
	}
	n := e.found("url")
	if n.Path != "Öffentlich und schön/Sommer Urlaub.jpg" || n.AccountID != "alice" || n.Short == "" || n.ParentID != e.idOf("Öffentlich und schön") || n.Object.Manifest.Size != 0 {
		t.Errorf("%+v", n)
	}
}

// found is the one node that a query finds.
func (e *env) found(query string) objectv1.DriveNode {
	e.t.Helper()
	p, err := e.SearchNodes(e.t.Context(), objectv1.SearchNodesRequest{Query: query, Limit: 2})
	if err != nil || len(p.Nodes) != 1 {
		e.t.Fatalf("%+v, %v", p, err)
	}
	return p.Nodes[0]
}

// What changes is found no more at once, even before the worker comes, and what
// has come is found behind it.
func TestSearch_FollowsChanges(t *testing.T) {
	t.Parallel()
	e := searched(t)
	ctx, public := t.Context(), e.idOf("Öffentlich und schön")
	nothing := func(what string, do func() error) {
		t.Helper()
		if err := do(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		e.wantFound("sommer url")
		e.tallied()
		e.wantFound("sommer url")
	}
	again := func(do func() error) {
		t.Helper()
		if err := do(); err != nil {
			t.Fatal(err)
		}
		e.tallied()
		e.wantFound("sommer url", "Sommer Urlaub.jpg")
	}
	shared := func(v objectv1.Visibility, password string) func() error {
		return func() error { e.share(public, v, password); return nil }
	}
	moves := func(from, to string) func() error {
		return func() error { return second(e.move(ctx, from, to, false)) }
	}
	path := "Öffentlich und schön/Sommer Urlaub.jpg"
	file := e.idOf(path)
	nothing("a password", shared(objectv1.VisibilityPublic, "password"))
	e.wantFound("schön", "Öffentlich und schön") // the folder itself asks whoever opens it
	again(shared(objectv1.VisibilityPublic, ""))
	nothing("hidden", shared(objectv1.VisibilityPrivate, ""))
	e.wantFound("schön")
	again(shared(objectv1.VisibilityPublic, ""))
	nothing("trash", func() error { return e.trashID(ctx, public) })
	again(func() error { return e.restoreID(ctx, public) })
	nothing("the file in the trash", func() error { return e.trashID(ctx, file) })
	again(func() error { return e.restoreID(ctx, file) })
	nothing("renamed", moves(path, "Öffentlich und schön/Winter Urlaub.jpg"))
	e.wantFound("winter", "Winter Urlaub.jpg")
	again(moves("Öffentlich und schön/Winter Urlaub.jpg", path))
	nothing("moved", moves(path, "hidden folder/Sommer Urlaub.jpg"))
	again(moves("hidden folder/Sommer Urlaub.jpg", path))
	nothing("moved into the root", moves(path, "Sommer Urlaub.jpg"))
	again(moves("Sommer Urlaub.jpg", path))
	again(moves("Öffentlich und schön", "hidden folder/schön")) // the folder above is not asked
	nothing("removed", func() error { return e.removePath(ctx, "hidden folder/schön/Sommer Urlaub.jpg") })
	if err := e.removePath(ctx, "hidden folder"); err != nil {
		t.Fatal(err)
	}
	e.tallied()
	e.wantFound("sommer")
	e.checkGraves()
	e.checkTallies("alice")
}

// A folder with very many files is shown to everybody and hidden again; whoever
// carries that to the files dies again and again.
func TestSearch_VisibilityOfManyFiles(t *testing.T) {
	oneByOne(t)
	t.Parallel()
	e := newEnv(t, envOptions{wrap: crashing})
	files := 210
	if full() {
		files = 2000
	}
	e.folder("a")
	p := e.planter("alice")
	p.folders["a"] = e.idOf("a")
	for i := range files {
		p.plantAs(fmt.Sprintf("a/holiday %04d", i))
	}
	for _, v := range []objectv1.Visibility{objectv1.VisibilityPublic, objectv1.VisibilityPrivate} {
		e.share(p.folders["a"], v, "")
		for n := 40; ; n += files {
			ctx, c := crashAt(t.Context(), n, n%2 == 0)
			if err := e.Recount(ctx); err != nil && !errors.Is(err, errCrash) {
				t.Fatal(err)
			}
			if !c.dead.Load() {
				break
			}
		}
		words, err := e.st.Words.Scan(t.Context(), "holiday", domain.Word{}, files+10)
		if want := files * int(v) / 2; err != nil || len(words) != want {
			t.Fatalf("visibility %d: %d files are in the index, %v; want %d", v, len(words), err, want)
		}
	}
	if got := e.tally(p.folders["a"]); got.Files != int64(files) {
		t.Errorf("%+v", got)
	}
}

// plantAs plants a file of alice's in her drive alone, under an id like any other.
func (p *planter) plantAs(key string) {
	p.t.Helper()
	folder, name, _ := strings.Cut(key, "/")
	p.n++
	id := strings.NewReplacer("0", "a", "1", "b", "8", "c", "9", "d").Replace(fmt.Sprintf("f%025d", p.n))
	n := domain.Node{ID: id, Account: "alice", Parent: p.folderID(folder), Name: name, Sort: name}
	err := errors.Join(p.st.Nodes.Insert(p.t.Context(), n), p.st.Heads.Put(p.t.Context(), headOf("drive-alice", id), 0))
	if err != nil {
		p.t.Fatal(err)
	}
}

// countedWords counts how many entries of the index are read.
type countedWords struct {
	domain.Words
	read *int
}

func (c countedWords) Scan(ctx context.Context, prefix string, after domain.Word, limit int) ([]domain.Word, error) {
	page, err := c.Words.Scan(ctx, prefix, after, limit)
	*c.read += len(page)
	return page, err
}

// A page looks at a bounded part of the index, whatever is asked for.
func TestSearch_HostileQueries(t *testing.T) {
	oneByOne(t)
	t.Parallel()
	read := 0
	e := newEnv(t, envOptions{wrap: func(st domain.Store) domain.Store {
		st.Words = countedWords{st.Words, &read}
		return st
	}})
	for i := range 1200 { // of nodes that are gone
		if err := e.st.Words.Put(t.Context(), fmt.Sprintf("a%04d", i), strings.Repeat("a", 26)); err != nil {
			t.Fatal(err)
		}
	}
	r := objectv1.SearchNodesRequest{Query: "a", Limit: 100}
	for pages := 1; ; pages++ {
		read = 0
		p, err := e.SearchNodes(t.Context(), r)
		if err != nil || len(p.Nodes) > 0 || read > 500 {
			t.Fatalf("%d nodes, %d entries, %v", len(p.Nodes), read, err)
		}
		if r.After = p.Next; r.After == "" {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
	}
	p, err := e.SearchNodes(t.Context(), objectv1.SearchNodesRequest{Query: "a", Limit: 1})
	if err != nil || p.Next == "" {
		t.Fatalf("%+v, %v", p, err)
	}
	for _, bad := range []objectv1.SearchNodesRequest{
		{Query: "b", Limit: 1, After: p.Next}, // of another query
		{Query: "a", Limit: 1, After: p.Next[:len(p.Next)-3]},
		{Query: "a", Limit: 1, After: p.Next + p.Next},
		{Query: "a", Limit: 1, After: "YQ"}, {Query: "a", Limit: 1, After: "YQBh"}, {Query: "a", Limit: 1, After: "\x00"},
		{Query: "a", Limit: 1, After: strings.Repeat("YQ", 100_000)},
		{Query: "a\xff", Limit: 1}, {Query: strings.Repeat("a", 201), Limit: 1}, {Limit: 1}, {Query: "a"}, {Query: "a", Limit: 101}, {Query: "a", Limit: -1},
	} {
		if _, err := e.SearchNodes(t.Context(), bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%.100q after %.100q, %d: %v", bad.Query, bad.After, bad.Limit, err)
		}
	}
	for _, odd := range []string{"a b c d e f g h i j k l m n o p q r s t", "\u0300", "\u202e", "a\x00b", "' OR 1=1 --", "$where", strings.Repeat("\ufdfa", 60)} {
		if _, err := e.SearchNodes(t.Context(), objectv1.SearchNodesRequest{Query: odd, Limit: 100}); err != nil {
			t.Errorf("%q: %v", odd, err)
		}
	}
}
