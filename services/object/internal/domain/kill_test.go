package domain_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// childEnv names the database of a child process that commits until it is killed.
const childEnv = "OBJECT_TEST_KILL_DB"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(m.Run())
	}
	goleak.VerifyTestMain(m)
}

// TestKillChild is the body of the child process, and does nothing without it.
func TestKillChild(t *testing.T) {
	path := os.Getenv(childEnv)
	if path == "" {
		return
	}
	e := newEnv(t, envOptions{path: path})
	var out sync.Mutex
	say := func(format string, args ...any) {
		out.Lock()
		defer out.Unlock()
		fmt.Printf("\n"+format+"\n", args...)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(rand.Uint64(), uint64(w)))
			for n := 0; ; n++ {
				// A worker owns its keys, so that it knows what must be there.
				key := fmt.Sprintf("w%d-%d", w, rnd.IntN(6))
				bucket := modelBuckets[n%len(modelBuckets)]
				if rnd.IntN(4) == 0 {
					say("deleting %s %s", bucket, key)
					if _, err := e.tryDelete(bucket, key, ""); err == nil {
						say("deleted %s %s", bucket, key)
					}
					continue
				}
				ticket, err := e.begin(bucket, key, 9)
				if err != nil {
					continue
				}
				say("putting %s %s %s", bucket, key, ticket.VersionID)
				if _, err := e.CommitPut(t.Context(), commitOf(alice, bucket, key, "some body", ticket)); err == nil {
					say("put %s %s %s", bucket, key, ticket.VersionID)
				}
			}
		})
	}
	wg.Wait() // for ever: the parent kills this process
}

// state is what a reader of the child's log knows about a key.
type state struct {
	acked   string          // the last acknowledged version; "" for deleted
	perhaps map[string]bool // versions, or "", that were under way since
}

// TestKill_EveryAcknowledgedVersionIsThere kills a process that commits in a
// loop, again and again on the same database, and looks at what is left.
func TestKill_EveryAcknowledgedVersionIsThere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "object.db")
	setup := newEnv(t, envOptions{path: path})
	setup.bucket("plain", false)
	setup.bucket("kept", true)
	setup.bucket("paused", true)
	setup.versioning("paused", objectv1.Suspended)
	setup.stop()
	keys := map[string]*state{}
	all := map[string]string{} // acknowledged versions → bucket and key
	for range rounds(3, 3, 40) {
		runAndKill(t, path, func(words []string) { note(keys, all, words) })
	}

	m := &model{e: newEnv(t, envOptions{path: path}), removed: map[string]bool{}, events: map[string]logged{}, maybe: map[string]bool{}, acked: map[string]ack{}}
	m.settleDown()
	for where, st := range keys {
		bucket, key, _ := strings.Cut(where, " ")
		o, err := m.e.stat(bucket, key, "")
		got := ""
		if err == nil {
			got = o.VersionID
		}
		if got != st.acked && !st.perhaps[got] {
			t.Errorf("%s shows %q; %q was acknowledged, %v under way", where, got, st.acked, st.perhaps)
		}
	}
	for id, where := range all {
		bucket, key, _ := strings.Cut(where, " ")
		if bucket != "kept" {
			continue
		}
		if _, err := m.e.stat(bucket, key, id); err != nil {
			t.Errorf("version %s of %s: %v", id, where, err)
		}
	}
	for _, bucket := range modelBuckets {
		for _, key := range m.e.keys(bucket) {
			if keys[bucket+" "+key] == nil {
				t.Errorf("%s/%s is listed and nobody wrote it", bucket, key)
			}
		}
	}
	if len(all) == 0 {
		t.Fatal("nothing was acknowledged")
	}
	t.Logf("%d versions acknowledged", len(all))
	checkCounts(m)
}

// runAndKill runs a child for a while and gives its log to each, line by line.
func runAndKill(t *testing.T, path string, each func(words []string)) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKillChild$", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	after := 20 + rand.IntN(300) // lines
	sc := bufio.NewScanner(out)
	for n := 0; sc.Scan(); n++ {
		if words := strings.Fields(sc.Text()); len(words) >= 3 {
			each(words)
		}
		if n == after {
			time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		}
	}
	_ = cmd.Wait() // killed
}

func note(keys map[string]*state, all map[string]string, words []string) {
	where := words[1] + " " + words[2]
	st := keys[where]
	if st == nil {
		st = &state{perhaps: map[string]bool{}}
		keys[where] = st
	}
	switch words[0] {
	case "putting":
		st.perhaps[words[3]] = true
	case "deleting":
		st.perhaps[""] = true
	case "put":
		st.acked, st.perhaps = words[3], map[string]bool{}
		all[words[3]] = where
	case "deleted":
		st.acked, st.perhaps = "", map[string]bool{}
	}
}

// checkCounts holds usage, counts and contents against the versions.
func checkCounts(m *model) {
	t := m.e.t
	t.Helper()
	held := map[string]bool{}
	var used int64
	for _, name := range modelBuckets {
		b, err := m.e.GetBucket(t.Context(), objectv1.BucketRequest{Principal: alice, Bucket: name})
		if err != nil {
			t.Fatal(err)
		}
		live, err := m.e.st.Versions.Live(t.Context(), b.ID, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		var bytes int64
		for _, v := range live {
			bytes += v.Size
			if v.Content != "" {
				held[v.Content] = true
			}
		}
		if n := len(m.e.keys(name)); b.Bytes != bytes || b.ObjectCount != int64(n) {
			t.Errorf("%s counts %d objects of %d bytes; it has %d of %d", name, b.ObjectCount, b.Bytes, n, bytes)
		}
		used += bytes
	}
	if u := m.e.usage(); u.Used != used || u.Reserved != 0 {
		t.Errorf("usage %+v; the versions have %d bytes", u, used)
	}
	page, err := m.e.st.Contents.Between(t.Context(), "", "", 10_000)
	if err != nil || len(page) != len(held) {
		t.Errorf("%d contents, %d held, %v", len(page), len(held), err)
	}
	for _, c := range page {
		if !held[c.ID] {
			t.Errorf("content %s is an orphan", c.ID)
		}
	}
}
