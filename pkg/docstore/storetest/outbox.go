package storetest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
)

func outboxTests() []test {
	return []test{
		{"Outbox_WithWrites", testOutboxWithWrites},
		{"Outbox_Clear", testOutboxClear},
		{"Outbox_Tombstone", testOutboxTombstone},
		{"Outbox_DeleteKeepsEvents", testOutboxDeleteKeepsEvents},
		{"Outbox_InsertOverTombstone", testOutboxInsertOverTombstone},
		{"Outbox_Order", testOutboxOrder},
		{"Outbox_OnCommit", testOutboxOnCommit},
		{"Outbox_Full", testOutboxFull},
		{"Outbox_RefusedWritesNothing", testOutboxRefused},
	}
}

func testOutboxWithWrites(w *world) {
	c, ctx := w.items(), w.ctx()
	d := must1(c.Insert(ctx, "a", item{}, event("e1")))(w)
	equal(w, "pending", subjects(d.Pending), "e1 ")
	d = must1(c.Replace(ctx, d, event("e2"), event("e3")))(w)
	equal(w, "pending", subjects(d.Pending), "e1 e2 e3 ")
	d = must1(c.Update(ctx, "a", func(*item) ([]docstore.Message, error) { return []docstore.Message{event("e4")}, nil }))(w)
	equal(w, "pending", subjects(d.Pending), "e1 e2 e3 e4 ")
	d = must1(c.Modify(ctx, "a", docstore.Mod{Inc: map[string]int64{"size": 1}, Events: []docstore.Message{event("e5")}}))(w)
	equal(w, "pending", subjects(d.Pending), "e1 e2 e3 e4 e5 ")
	// A write without events keeps what waits.
	d = must1(c.Modify(ctx, "a", docstore.Mod{Inc: map[string]int64{"size": 1}}))(w)
	equal(w, "pending", subjects(d.Pending), "e1 e2 e3 e4 e5 ")
	got := must1(c.Get(ctx, "a"))(w)
	equal(w, "pending", subjects(got.Pending), "e1 e2 e3 e4 e5 ")
	equal(w, "header", got.Pending[1].Header["ce-type"], "e2")
	equal(w, "data", string(got.Pending[1].Data), `{"n":1}`)
	equal(w, "time", got.Pending[0].Time.Equal(d.Pending[0].Time), true)
	p := must1(c.Scan(ctx, docstore.Query{}))(w)
	equal(w, "pending in a scan", len(p.Docs[0].Pending), 5)
}

func testOutboxClear(w *world) {
	c, ctx := w.items(), w.ctx()
	e1, e2, e3 := event("e1"), event("e2"), event("e3")
	d := must1(c.Insert(ctx, "a", item{}, e1, e2, e3))(w)
	must(w, w.db.ClearOutbox(ctx, "items", "a", []string{e2.ID, "unknown"}))
	got := must1(c.Get(ctx, "a"))(w)
	equal(w, "pending", subjects(got.Pending), "e1 e3 ")
	equal(w, "revision after clearing", got.Rev, 1)
	// What was read before the clearing still writes.
	d = must1(c.Replace(ctx, d))(w)
	equal(w, "pending", subjects(d.Pending), "e1 e3 ")
	must(w, w.db.ClearOutbox(ctx, "items", "a", []string{e1.ID, e3.ID}))
	must(w, w.db.ClearOutbox(ctx, "items", "a", []string{e1.ID}))
	must(w, w.db.ClearOutbox(ctx, "items", "nobody", []string{e1.ID}))
	must(w, w.db.ClearOutbox(ctx, "no_collection", "a", []string{e1.ID}))
	equal(w, "waiting documents", len(must1(w.db.PendingOutbox(ctx, 10))(w)), 0)
	equal(w, "pending", len(must1(c.Get(ctx, "a"))(w).Pending), 0)
	must1(c.Modify(ctx, "a", docstore.Mod{Events: []docstore.Message{event("e4")}}))(w)
	equal(w, "waiting documents", len(must1(w.db.PendingOutbox(ctx, 10))(w)), 1)
}

func testOutboxTombstone(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{Name: "n", Owner: "o"}))(w)
	must1(c.Insert(ctx, "b", item{Name: "m", Owner: "o"}))(w)
	gone := event("gone")
	must(w, c.Delete(ctx, "a", docstore.DeleteOptions{IfRev: 1, Events: []docstore.Message{gone}}))
	_, err := c.Get(ctx, "a")
	wantErr(w, err, docstore.ErrNotFound)
	for _, q := range []docstore.Query{{}, {Index: "owner_size", Equal: []any{"o"}}, {Index: "name"}} {
		equal(w, "count", must1(c.Count(ctx, q))(w), 1)
		equal(w, "scan", len(must1(c.Scan(ctx, q))(w).Docs), 1)
	}
	wantErr(w, c.Delete(ctx, "a", docstore.DeleteOptions{}), docstore.ErrNotFound)
	_, err = c.Modify(ctx, "a", docstore.Mod{Inc: map[string]int64{"size": 1}})
	wantErr(w, err, docstore.ErrNotFound)
	_, err = c.Replace(ctx, docstore.Doc[item]{ID: "a", Rev: 2})
	wantErr(w, err, docstore.ErrNotFound)
	must1(c.Insert(ctx, "c", item{Name: "n"}))(w) // the name is free
	ps := must1(w.db.PendingOutbox(ctx, 10))(w)
	equal(w, "waiting documents", len(ps), 1)
	equal(w, "waiting document", fmt.Sprint(ps[0].Collection, ps[0].ID, ps[0].Rev, ps[0].Deleted, subjects(ps[0].Messages)), "items"+"a"+"2 true"+"gone ")
	must(w, w.db.ClearOutbox(ctx, "items", "a", []string{gone.ID}))
	equal(w, "waiting documents", len(must1(w.db.PendingOutbox(ctx, 10))(w)), 0)
	d := must1(c.Insert(ctx, "a", item{}))(w)
	equal(w, "revision after the tombstone went", d.Rev, 1)
}

func testOutboxDeleteKeepsEvents(w *world) {
	c, ctx := w.items(), w.ctx()
	made := event("made")
	must1(c.Insert(ctx, "a", item{}, made))(w)
	must(w, c.Delete(ctx, "a", docstore.DeleteOptions{}))
	_, err := c.Get(ctx, "a")
	wantErr(w, err, docstore.ErrNotFound)
	ps := must1(w.db.PendingOutbox(ctx, 10))(w)
	equal(w, "waiting documents", len(ps), 1)
	equal(w, "events", subjects(ps[0].Messages), "made ")
	must(w, w.db.ClearOutbox(ctx, "items", "a", []string{made.ID}))
	equal(w, "waiting documents", len(must1(w.db.PendingOutbox(ctx, 10))(w)), 0)
}

func testOutboxInsertOverTombstone(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{Name: "n"}, event("made")))(w)
	must(w, c.Delete(ctx, "a", docstore.DeleteOptions{Events: []docstore.Message{event("gone")}}))
	d := must1(c.Insert(ctx, "a", item{Name: "n", Size: 2}, event("again")))(w)
	equal(w, "revision over a tombstone", d.Rev, 3)
	equal(w, "pending", subjects(d.Pending), "made gone again ")
	ps := must1(w.db.PendingOutbox(ctx, 10))(w)
	equal(w, "deleted", ps[0].Deleted, false)
	must(w, w.db.ClearOutbox(ctx, "items", "a", ids(ps[0].Messages)))
	got := must1(c.Get(ctx, "a"))(w)
	equal(w, "size", got.Value.Size, 2)
	// Without events of its own, and by the upserting writes.
	must(w, c.Delete(ctx, "a", docstore.DeleteOptions{Events: []docstore.Message{event("gone")}}))
	d = must1(c.Insert(ctx, "a", item{Size: 3}))(w)
	equal(w, "pending", subjects(d.Pending), "gone ")
	must(w, c.Delete(ctx, "a", docstore.DeleteOptions{}))
	d = must1(c.Upsert(ctx, "a", func(v *item, exists bool) ([]docstore.Message, error) {
		equal(w, "exists", exists, false)
		v.Size = 4
		return nil, nil
	}))(w)
	equal(w, "pending", subjects(d.Pending), "gone ")
	must(w, c.Delete(ctx, "a", docstore.DeleteOptions{}))
	d = must1(c.Modify(ctx, "a", docstore.Mod{Upsert: item{Size: 5}, Inc: map[string]int64{"size": 1}}))(w)
	equal(w, "size", d.Value.Size, 6)
	equal(w, "pending", subjects(d.Pending), "gone ")
}

func testOutboxOrder(w *world) {
	c, ctx := w.items(), w.ctx()
	other := open[item](w, docstore.Spec{Name: "others"})
	e := event("x")
	at := e.Time
	later := func(n int) docstore.Message {
		m := event("x")
		m.Time = at.Add(time.Duration(n) * time.Second)
		return m
	}
	must1(c.Insert(ctx, "second", item{}, later(2)))(w)
	must1(other.Insert(ctx, "third", item{}, later(3)))(w)
	must1(c.Insert(ctx, "first", item{}, later(1), later(9)))(w)
	must1(c.Insert(ctx, "none", item{}))(w)
	ps := must1(w.db.PendingOutbox(ctx, 10))(w)
	var got []string
	for _, p := range ps {
		got = append(got, p.Collection+"/"+p.ID)
	}
	equal(w, "order", fmt.Sprint(got), "[items/first items/second others/third]")
	ps = must1(w.db.PendingOutbox(ctx, 2))(w)
	equal(w, "limited", len(ps), 2)
	equal(w, "first of two", ps[0].ID, "first")
}

func testOutboxOnCommit(w *world) {
	c, ctx := w.items(), w.ctx()
	var mu sync.Mutex
	var calls []string
	w.db.OnCommit(func(collection, id string, pending []docstore.Message) {
		// The hook runs after the commit and outside of locks: it may use the store.
		if err := w.db.ClearOutbox(ctx, "nothing", "x", []string{"y"}); err != nil {
			w.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, collection+"/"+id+": "+subjects(pending))
	})
	d := must1(c.Insert(ctx, "a", item{}, event("e1")))(w)
	must1(c.Insert(ctx, "b", item{}))(w)
	d = must1(c.Replace(ctx, d))(w)
	must1(c.Replace(ctx, d, event("e2")))(w)
	_, err := c.Replace(ctx, d, event("never"))
	wantErr(w, err, docstore.ErrStale)
	must1(c.Modify(ctx, "a", docstore.Mod{Events: []docstore.Message{event("e3")}}))(w)
	must(w, c.Delete(ctx, "a", docstore.DeleteOptions{Events: []docstore.Message{event("e4")}}))
	want := []string{"items/a: e1 ", "items/a: e1 e2 ", "items/a: e1 e2 e3 ", "items/a: e1 e2 e3 e4 "}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(calls, want) {
		w.Fatalf("hook calls %q, want %q", calls, want)
	}
}

func testOutboxFull(w *world) {
	c, ctx := w.items(), w.ctx()
	many := make([]docstore.Message, docstore.MaxPending-1)
	for i := range many {
		many[i] = docstore.Message{ID: fmt.Sprintf("m%d", i), Subject: "s"}
	}
	d := must1(c.Insert(ctx, "a", item{}, many...))(w)
	_, err := c.Replace(ctx, d, event("x"), event("y"))
	wantErr(w, err, docstore.ErrOutboxFull)
	_, err = c.Modify(ctx, "a", docstore.Mod{Events: []docstore.Message{event("x"), event("y")}})
	wantErr(w, err, docstore.ErrOutboxFull)
	wantErr(w, c.Delete(ctx, "a", docstore.DeleteOptions{Events: []docstore.Message{event("x"), event("y")}}), docstore.ErrOutboxFull)
	must1(c.Replace(ctx, d, event("x")))(w)
	_, err = c.Insert(ctx, "b", item{}, append(many, event("x"), event("y"))...)
	wantErr(w, err, docstore.ErrOutboxFull)
}

func testOutboxRefused(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{Name: "n"}))(w)
	_, err := c.Insert(ctx, "b", item{Name: "n"}, event("never"))
	wantErr(w, err, docstore.ErrDuplicate)
	_, err = c.Insert(ctx, "a", item{}, event("never"))
	wantErr(w, err, docstore.ErrExists)
	_, err = c.Modify(ctx, "a", docstore.Mod{If: []docstore.Cond{docstore.Eq("size", 9)}, Events: []docstore.Message{event("never")}})
	wantErr(w, err, docstore.ErrGuard)
	wantErr(w, c.Delete(ctx, "a", docstore.DeleteOptions{IfRev: 7, Events: []docstore.Message{event("never")}}), docstore.ErrStale)
	_, err = c.Insert(ctx, "c", item{}, docstore.Message{Subject: "without id"})
	wantErr(w, err, docstore.ErrInvalid)
	equal(w, "waiting documents", len(must1(w.db.PendingOutbox(ctx, 10))(w)), 0)
}
