package e2e_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// meeting is a tree that many clients of one account change at once, and what they
// know of it. Everybody moves all folders about and gives all of them the same few
// names; a file is moved by one client alone, and one folder of each client's is
// renamed by nobody else, so that what was acknowledged last must be seen.
type meeting struct {
	y       *harness.Yetishare
	folders []string // ids
	clients []*meeter

	mu      sync.Mutex
	made    []string // ids of folders that were made meanwhile
	unknown int      // creations without an answer
	moved   int      // moves that were acknowledged
	cycles  int      // moves that were refused
}

// meeter is one client.
type meeter struct {
	file, folder string   // ids of its own
	parents      []string // where its file may be: as acknowledged last, or asked for since
	names        []string // the same of its folder's name
}

const meetingBytes = 10 // of each client's file

func newMeeting(t *testing.T, w *harness.World, clients int) *meeting {
	t.Helper()
	m := &meeting{y: yeti(t, w)}
	parent := ""
	for i := range 12 {
		if i%4 == 0 {
			parent = ""
		}
		parent = m.y.Folder(t, fmt.Sprintf("f%d", i), parent).ID
		m.folders = append(m.folders, parent)
	}
	for i := range clients {
		c := &meeter{folder: m.y.Folder(t, fmt.Sprintf("own%d", i), "").ID, parents: []string{""}, names: []string{fmt.Sprintf("own%d", i)}}
		c.file = m.y.Upload(t, fmt.Sprintf("file%d", i), strings.Repeat("x", meetingBytes)).FileID
		m.clients = append(m.clients, c)
		m.folders = append(m.folders, c.folder)
	}
	return m
}

// step does one thing; how it went is noted. Its error is an answer that there must
// not be.
func (m *meeting) step(ctx context.Context, c *meeter, rnd *rand.Rand, n int) error {
	some := func() string {
		m.mu.Lock()
		defer m.mu.Unlock()
		if i := rnd.IntN(len(m.folders) + len(m.made) + 1); i < len(m.folders) {
			return m.folders[i]
		} else if i < len(m.folders)+len(m.made) {
			return m.made[i-len(m.folders)]
		}
		return ""
	}
	switch k := rnd.IntN(10); {
	case k < 4: // the tree itself
		id, to := some(), some()
		if id == "" {
			return nil
		}
		return m.ask(ctx, nil, "/folder/move", "folder_id", id, "new_parent_folder_id", to)
	case k < 6:
		to := some()
		c.parents = append(c.parents, to)
		return m.ask(ctx, func() { c.parents = []string{to} }, "/file/move", "file_id", c.file, "new_parent_folder_id", to)
	case k < 8:
		name := fmt.Sprintf("own-%s-%d", c.folder, n)
		c.names = append(c.names, name)
		return m.ask(ctx, func() { c.names = []string{name} }, "/folder/edit", "folder_id", c.folder, "folder_name", name)
	case k < 9: // the names that everybody wants
		id := m.folders[rnd.IntN(12)]
		return m.ask(ctx, nil, "/folder/edit", "folder_id", id, "folder_name", []string{"same", "other"}[rnd.IntN(2)])
	default:
		return m.make(ctx, some())
	}
}

func (m *meeting) make(ctx context.Context, parent string) error {
	r, err := m.y.Try(ctx, "/folder/create", "folder_name", "same", "parent_id", parent)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil || r.Status >= 500 {
		m.unknown++
		return nil //nolint:nilerr // a kill
	}
	_, rest, ok := strings.Cut(string(r.Body), `"data":{"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	if !ok {
		return fmt.Errorf("making a folder: %d %s", r.Status, r.Body)
	}
	m.made = append(m.made, id)
	return nil
}

// ask sends a change. done is called when it was acknowledged.
func (m *meeting) ask(ctx context.Context, done func(), endpoint string, pairs ...string) error {
	r, err := m.y.Try(ctx, endpoint, pairs...)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err != nil, r.Status >= 500:
		return nil //nolint:nilerr // a kill
	case r.Status == http.StatusOK && strings.Contains(string(r.Body), `"_status":"success"`):
		m.moved++
		if done != nil {
			done()
		}
		return nil
	case r.Status == http.StatusBadRequest && strings.Contains(string(r.Body), "names the folder itself, or one that is in it"):
		m.cycles++
		return nil
	}
	return fmt.Errorf("%s %v: %d %s", endpoint, pairs, r.Status, r.Body)
}

// run lets all clients work, steps each or until the context ends.
func (m *meeting) run(ctx context.Context, t *testing.T, steps int) {
	t.Helper()
	seed := harness.Seed(t)
	parallel(t, len(m.clients), func(i int) {
		rnd := rand.New(rand.NewPCG(seed, uint64(i))) //nolint:gosec // it must be repeatable
		for n := 0; n < steps && ctx.Err() == nil; n++ {
			if err := m.step(ctx, m.clients[i], rnd, n); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
}

// check walks the tree: everything is in it once, no name is twice in a folder, what
// was acknowledged is seen, and the sums are those of what is there.
func (m *meeting) check(t *testing.T) {
	t.Helper()
	files, folders := map[string]harness.YetiFile{}, map[string]harness.YetiFolder{}
	var walk func(id string, depth int) (bytes int64)
	sums := map[string]int64{}
	walk = func(id string, depth int) (bytes int64) {
		if depth > 100 {
			t.Fatalf("folder %s is %d deep", id, depth)
		}
		l := m.y.List(t, id)
		names := map[string]bool{}
		for _, f := range l.Files {
			if _, twice := files[f.ID]; twice || names[f.Filename] {
				t.Errorf("file %s (%s) is there twice", f.ID, f.Filename)
			}
			files[f.ID], names[f.Filename] = f, true
			bytes += meetingBytes
		}
		for _, f := range l.Folders {
			if _, twice := folders[f.ID]; twice || names[f.Name] || text(f.ParentID) != cmp.Or(id, "null") {
				t.Errorf("folder %s (%s) in %s: %+v", f.ID, f.Name, id, f)
			}
			folders[f.ID], names[f.Name] = f, true
			bytes += walk(f.ID, depth+1)
		}
		sums[id] = bytes
		return bytes
	}
	walk("", 0)
	for _, id := range slices.Concat(m.folders, m.made) {
		if _, ok := folders[id]; !ok {
			t.Errorf("folder %s is lost", id)
		}
	}
	if extra := len(folders) - len(m.folders) - len(m.made); extra < 0 || extra > m.unknown {
		t.Errorf("%d folders more than were made, %d creations had no answer", extra, m.unknown)
	}
	equal(t, "files", len(files), len(m.clients))
	for i, c := range m.clients {
		f, ok := files[c.file]
		at := text(f.FolderID)
		if at == "null" {
			at = ""
		}
		if !ok || !slices.Contains(c.parents, at) {
			t.Errorf("file %d is in %q (%v), want one of %q", i, at, ok, c.parents)
		}
		if name := folders[c.folder].Name; !slices.ContainsFunc(c.names, func(n string) bool { return name == n || strings.HasPrefix(name, n+" (") }) {
			t.Errorf("folder %d is called %q, want one of %q", i, name, c.names)
		}
	}
	eventually(t, "the sums are those of the tree", func() bool {
		for id, want := range sums {
			if id != "" && m.y.FolderInfo(t, id).TotalSize != fmt.Sprint(want) {
				return false
			}
		}
		return true
	})
	t.Logf("%d changes, %d refused as cycles, %d folders", m.moved, m.cycles, len(folders))
}

// foldersMeet: many clients change one tree at once.
func foldersMeet(t *testing.T, w *harness.World) {
	m := newMeeting(t, w, 6)
	m.run(t.Context(), t, 40)
	m.check(t)
}

// TestYetishare_Kill9 is the same while processes are killed.
func TestYetishare_Kill9(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("kills processes; make test-all runs it (SLUICE_TEST_FULL=1)")
	}
	w := harness.Start(t, harness.Options{Topology: harness.Processes, Env: []string{"SLUICE_YETISHARE_RATE=0", "SLUICE_YETISHARE_PUBLIC_RATE=0", "SLUICE_OBJECT_SWEEP_INTERVAL=1s"}})
	m := newMeeting(t, w, 8)
	for _, name := range []string{"object", "edge", "object", "auth", "object"} {
		ctx, stop := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		done := make(chan struct{})
		go func() {
			defer close(done)
			m.run(ctx, t, 1<<20)
		}()
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(500+rand.IntN(700)) * time.Millisecond):
		}
		w.Kill(name)
		stop()
		<-done
		m.y.HTTP.CloseIdleConnections()
		noError(t, "start "+name, w.StartProc(t.Context(), name))
		noError(t, "ready", w.WaitReady(t.Context(), 3*time.Minute))
	}
	m.settle(t)
	m.check(t)
}

// settle waits until what broke off is carried out by who comes next: a folder can
// be moved.
func (m *meeting) settle(t *testing.T) {
	t.Helper()
	eventually(t, "folders can be moved again", func() bool {
		r, err := m.y.Try(t.Context(), "/folder/move", "folder_id", m.clients[0].folder, "new_parent_folder_id", "")
		return err == nil && r.Status == http.StatusOK && strings.Contains(string(r.Body), `"success"`)
	})
}
