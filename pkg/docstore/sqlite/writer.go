package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/fault"
)

// errStorage is a disk that is full or failing.
var errStorage = fault.New(fault.Unavailable, "docstore.storage", "the disk of the document store is full or failing")

// maxBatch is the number of writes that share one transaction at most.
const maxBatch = 128

// The states of an op. A caller whose context ends may take back an op only
// while it is queued; after that its outcome is not known to the caller.
const (
	opQueued int32 = iota
	opClaimed
	opAbandoned // by its caller, before it ran
	opOrphaned  // by its caller, while it ran
	opAnswered
)

// op is one write. run makes it inside the transaction; it must leave the
// transaction usable when it fails. after runs once the commit is on disk.
type op struct {
	run   func(w *writer) error
	after func()
	alone bool // not to share a transaction: it changes the schema
	state atomic.Int32
	err   error
	done  chan struct{}
}

// writer owns the only connection that writes.
type writer struct {
	conn    *sql.Conn
	stmts   stmtCache
	tables  *catalog
	tel     *instruments
	queue   chan *op
	stopped chan struct{}
	orphans sync.WaitGroup

	mu     sync.RWMutex // held shared while sending to queue
	closed bool

	held *op // taken from the queue, to be run alone in the next transaction
	last int // size of the batch before
}

func startWriter(ctx context.Context, pool *sql.DB, tables *catalog, tel *instruments) (*writer, error) {
	pool.SetMaxOpenConns(1)
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{
		conn: conn, stmts: newStmtCache(ctx, conn), tables: tables, tel: tel,
		queue: make(chan *op, 2*maxBatch), stopped: make(chan struct{}),
	}
	if err := initSchema(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	go w.loop()
	return w, nil
}

// do runs one write and waits until it is committed.
func (w *writer) do(ctx context.Context, o *op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o.done = make(chan struct{})
	if err := w.send(ctx, o); err != nil {
		return err
	}
	select {
	case <-o.done:
	case <-ctx.Done():
		if o.state.CompareAndSwap(opQueued, opAbandoned) {
			return ctx.Err()
		}
		if o.state.CompareAndSwap(opClaimed, opOrphaned) {
			return docstore.ErrUnknown.Because(ctx.Err())
		}
		<-o.done
	}
	if o.err == nil && o.after != nil {
		o.after()
	}
	return o.err
}

func (w *writer) send(ctx context.Context, o *op) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return docstore.ErrClosed
	}
	select {
	case w.queue <- o:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// loop gathers and commits until the queue is closed.
func (w *writer) loop() {
	defer close(w.stopped)
	for {
		first := w.held
		w.held = nil
		if first == nil {
			o, ok := <-w.queue
			if !ok {
				return
			}
			first = o
		}
		batch := w.gather(first)
		w.last = len(batch)
		if len(batch) > 0 {
			w.answer(batch, w.commit(batch))
		}
	}
}

// gather takes what waits in the queue, without waiting for more: a lone caller
// pays for one fsync and nothing else. When the batch before was shared, its
// callers were just woken and get a moment on the processor to come back.
func (w *writer) gather(first *op) []*op {
	batch := claim(nil, first)
	if first.alone {
		return batch
	}
	for range 4 {
		if len(w.queue)+1 >= w.last {
			break
		}
		runtime.Gosched()
	}
	for len(batch) < maxBatch {
		select {
		case o, ok := <-w.queue:
			if !ok {
				return batch
			}
			if o.alone {
				w.held = o
				return batch
			}
			batch = claim(batch, o)
		default:
			return batch
		}
	}
	return batch
}

func claim(batch []*op, o *op) []*op {
	if o.state.CompareAndSwap(opQueued, opClaimed) {
		return append(batch, o)
	}
	return batch
}

// commit runs a batch in one transaction. Errors of single ops stand in the ops;
// the returned one is of the whole batch.
func (w *writer) commit(batch []*op) error {
	defer w.tel.committed(w.stmts.ctx, len(batch), time.Now())
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("beginning a transaction: %w", mapError(err))
	}
	if err := w.runAll(batch); err != nil {
		return errors.Join(err, w.rollback())
	}
	if err := w.exec("COMMIT"); err != nil {
		// The log may or may not hold the commit record.
		return errors.Join(docstore.ErrUnknown.Because(err), w.rollback())
	}
	return nil
}

func (w *writer) runAll(batch []*op) error {
	if err := w.refresh(); err != nil {
		return err
	}
	if len(batch) == 1 {
		batch[0].err = mapError(batch[0].run(w))
		return batch[0].err
	}
	for _, o := range batch {
		if err := w.exec("SAVEPOINT op"); err != nil {
			return mapError(err)
		}
		if o.err = mapError(o.run(w)); o.err != nil {
			if err := w.exec("ROLLBACK TO op"); err != nil {
				return mapError(err)
			}
		}
		if err := w.exec("RELEASE op"); err != nil {
			return mapError(err)
		}
	}
	return nil
}

// rollback ends a failed transaction; SQLite may have ended it already.
func (w *writer) rollback() error {
	if err := w.exec("ROLLBACK"); err != nil && !isNoTransaction(err) {
		return err
	}
	return nil
}

func (w *writer) answer(batch []*op, failed error) {
	for _, o := range batch {
		if failed != nil && o.err == nil {
			o.err = failed
		}
		if o.state.CompareAndSwap(opClaimed, opAnswered) {
			close(o.done)
			continue
		}
		// The caller left; its events still want to be told of.
		if o.err == nil && o.after != nil {
			w.orphans.Go(o.after)
		}
	}
}

func (w *writer) exec(query string, args ...any) error {
	_, err := w.execN(query, args...)
	return err
}

// execN runs a statement and returns the number of rows that it changed. The
// context is the writer's own: a transaction that others share is not cut off
// because one caller left.
func (w *writer) execN(query string, args ...any) (int64, error) {
	st, err := w.stmts.get(query)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(w.stmts.ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (w *writer) close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	close(w.queue)
	w.mu.Unlock()
	<-w.stopped
	w.orphans.Wait()
	w.stmts.close()
	return w.conn.Close()
}
