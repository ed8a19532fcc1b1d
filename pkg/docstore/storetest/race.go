package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sluicehq/sluice/pkg/docstore"
)

func raceTests() []test {
	return []test{
		{"Race_Update", testRaceUpdate},
		{"Race_Modify", testRaceModify},
		{"Race_Insert", testRaceInsert},
		{"Race_Unique", testRaceUnique},
		{"Race_Replace", testRaceReplace},
		{"Race_Quota", testRaceQuota},
		{"Race_Upsert", testRaceUpsert},
		{"Race_Outbox", testRaceOutbox},
	}
}

// crowd runs f n times at once.
func crowd(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

func testRaceUpdate(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{}))(w)
	crowd(50, func(int) {
		if _, err := c.Update(ctx, "a", func(v *item) ([]docstore.Message, error) { v.Size++; return nil, nil }); err != nil {
			w.Error(err)
		}
	})
	d := must1(c.Get(ctx, "a"))(w)
	equal(w, "size", d.Value.Size, 50)
	equal(w, "revision", d.Rev, 51)
}

func testRaceModify(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{}))(w)
	crowd(50, func(i int) {
		if _, err := c.Modify(ctx, "a", docstore.Mod{Inc: map[string]int64{"size": 2}, Push: map[string]any{"tags": fmt.Sprint(i)}}); err != nil {
			w.Error(err)
		}
	})
	d := must1(c.Get(ctx, "a"))(w)
	equal(w, "size", d.Value.Size, 100)
	equal(w, "tags", len(d.Value.Tags), 50)
}

// winners counts the calls that give no error; all others must give lost.
func winners(w *world, n int, lost error, f func(i int) error) int64 {
	var won atomic.Int64
	crowd(n, func(i int) {
		switch err := f(i); {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, lost):
			w.Errorf("got %v, want %v", err, lost)
		}
	})
	return won.Load()
}

func testRaceInsert(w *world) {
	c, ctx := w.items(), w.ctx()
	equal(w, "winners", winners(w, 50, docstore.ErrExists, func(i int) error {
		_, err := c.Insert(ctx, "a", item{Size: int64(i)}, event("e"))
		return err
	}), 1)
	equal(w, "events", len(must1(c.Get(ctx, "a"))(w).Pending), 1)
}

func testRaceUnique(w *world) {
	c, ctx := w.items(), w.ctx()
	equal(w, "winners", winners(w, 50, docstore.ErrDuplicate, func(i int) error {
		_, err := c.Insert(ctx, fmt.Sprint(i), item{Name: "n"})
		return err
	}), 1)
	equal(w, "documents", must1(c.Count(ctx, docstore.Query{}))(w), 1)
}

func testRaceReplace(w *world) {
	c, ctx := w.items(), w.ctx()
	d := must1(c.Insert(ctx, "a", item{}))(w)
	equal(w, "winners", winners(w, 50, docstore.ErrStale, func(int) error {
		_, err := c.Replace(ctx, d)
		return err
	}), 1)
}

// testRaceQuota reserves 100 of 30 each: three fit, however many ask.
func testRaceQuota(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{}))(w)
	equal(w, "winners", winners(w, 40, docstore.ErrGuard, func(i int) error {
		_, err := c.Modify(ctx, "a", docstore.Mod{
			If:  []docstore.Cond{docstore.Lte("size", 70)},
			Inc: map[string]int64{"size": 30}, Push: map[string]any{"holds": hold{fmt.Sprint(i), 30}},
		})
		return err
	}), 3)
	equal(w, "size", must1(c.Get(ctx, "a"))(w).Value.Size, 90)
}

func testRaceUpsert(w *world) {
	c, ctx := w.items(), w.ctx()
	crowd(40, func(i int) {
		var err error
		if i%2 == 0 {
			_, err = c.Modify(ctx, "a", docstore.Mod{Upsert: item{}, Inc: map[string]int64{"size": 1}})
		} else {
			_, err = c.Upsert(ctx, "a", func(v *item, _ bool) ([]docstore.Message, error) { v.Size++; return nil, nil })
		}
		if err != nil {
			w.Error(err)
		}
	})
	equal(w, "size", must1(c.Get(ctx, "a"))(w).Value.Size, 40)
}

// testRaceOutbox writes, deletes and re-creates documents with events while a
// relay clears: each event is seen, and nothing stays behind.
func testRaceOutbox(w *world) {
	c, ctx := w.items(), w.ctx()
	seen := map[string]bool{}
	relay := func() int {
		ps := must1(w.db.PendingOutbox(ctx, 100))(w)
		for _, p := range ps {
			for _, m := range p.Messages {
				seen[m.ID] = true
			}
			must(w, w.db.ClearOutbox(ctx, p.Collection, p.ID, ids(p.Messages)))
		}
		return len(ps)
	}
	var sent sync.Map
	stop := make(chan struct{})
	var writers sync.WaitGroup
	rounds := w.few(60)
	for g := range 4 {
		writers.Go(func() {
			for i := range rounds {
				e := event("e")
				var err error
				id := fmt.Sprint("d", (g+i)%3)
				if i%3 == 2 {
					err = c.Delete(ctx, id, docstore.DeleteOptions{Events: []docstore.Message{e}})
				} else {
					_, err = c.Upsert(ctx, id, func(v *item, _ bool) ([]docstore.Message, error) { v.Size++; return []docstore.Message{e}, nil })
				}
				if err == nil {
					sent.Store(e.ID, true)
				} else if !errors.Is(err, docstore.ErrNotFound) {
					w.Error(err)
				}
			}
		})
	}
	go func() { writers.Wait(); close(stop) }()
	for done := false; !done; {
		select {
		case <-stop:
			done = true
		default:
		}
		relay()
	}
	for relay() > 0 {
	}
	sent.Range(func(id, _ any) bool {
		if !seen[id.(string)] {
			w.Errorf("event %s was committed and never seen", id)
		}
		return true
	})
}

// TwoHandles checks that two open handles on one store, in one process or in
// two, act as one: races have one winner and each sees the other's writes.
func TwoHandles(t testing.TB, a, b docstore.DB) {
	t.Helper()
	ctx := context.Background()
	ca := must1(docstore.Open[item](ctx, a, itemSpec()))(t)
	cb := must1(docstore.Open[item](ctx, b, itemSpec()))(t)
	both := []*docstore.Collection[item]{ca, cb}
	must1(ca.Insert(ctx, "n", item{}))(t)
	var won atomic.Int64
	crowd(40, func(i int) {
		c := both[i%2]
		for j := range 5 {
			if _, err := c.Insert(ctx, fmt.Sprint("race-", j), item{Name: fmt.Sprint("name-", i, j)}); err == nil {
				won.Add(1)
			} else if !errors.Is(err, docstore.ErrExists) {
				t.Error(err)
			}
			if _, err := c.Update(ctx, "n", func(v *item) ([]docstore.Message, error) { v.Size++; return nil, nil }); err != nil {
				t.Error(err)
			}
		}
	})
	equal(t, "winners", won.Load(), 5)
	for i := range 20 {
		id := fmt.Sprint("seen-", i)
		must1(both[i%2].Insert(ctx, id, item{Owner: "both"}))(t)
		must1(both[(i+1)%2].Get(ctx, id))(t)
	}
	for _, c := range both {
		equal(t, "counter", must1(c.Get(ctx, "n"))(t).Value.Size, 200)
		equal(t, "count", must1(c.Count(ctx, docstore.Query{Index: "owner_size", Equal: []any{"both"}}))(t), 20)
	}
}
