package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"

	"github.com/sluicehq/sluice/pkg/docstore"
)

// stmtCache keeps prepared statements of one connection by their text. The
// texts are few: they vary by collection, index and shape of a request.
type stmtCache struct {
	ctx   context.Context // of the engine: statements outlive the caller that needed them first
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

// maxStmts bounds a cache; when it is full it starts anew.
const maxStmts = 512

func newStmtCache(ctx context.Context, conn *sql.Conn) stmtCache {
	return stmtCache{ctx: context.WithoutCancel(ctx), conn: conn, stmts: make(map[string]*sql.Stmt)}
}

func (c *stmtCache) get(query string) (*sql.Stmt, error) {
	if st, ok := c.stmts[query]; ok {
		return st, nil
	}
	if len(c.stmts) >= maxStmts {
		c.close()
	}
	st, err := c.conn.PrepareContext(c.ctx, query)
	if err != nil {
		return nil, err
	}
	c.stmts[query] = st
	return st, nil
}

func (c *stmtCache) close() {
	for q, st := range c.stmts {
		_ = st.Close() // the connection closes what this leaves
		delete(c.stmts, q)
	}
}

// reader is one connection for reading, used by one goroutine at a time.
type reader struct {
	conn  *sql.Conn
	stmts stmtCache
}

// close gives the connection up. Its errors would tell nothing: it only read.
func (r *reader) close() {
	r.stmts.close()
	_ = r.conn.Close()
}

func (r *reader) prepare(query string) (*sql.Stmt, error) { return r.stmts.get(query) }

// readers is a pool that grows to its bound and stays there.
type readers struct {
	db    *sql.DB
	idle  chan *reader
	slots chan struct{} // one value per connection that may still be opened

	mu     sync.RWMutex // held shared while a reader is in use
	closed bool
}

func newReaders(dsn string, n int) (*readers, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	p := &readers{db: db, idle: make(chan *reader, n), slots: make(chan struct{}, n)}
	for range n {
		p.slots <- struct{}{}
	}
	return p, nil
}

// with lends a connection to f.
func (p *readers) with(ctx context.Context, f func(*reader) error) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return docstore.ErrClosed
	}
	r, err := p.take(ctx)
	if err != nil {
		return err
	}
	err = f(r)
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		r.close()
		p.slots <- struct{}{}
		return err
	}
	p.idle <- r
	if err = mapError(err); errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return ctx.Err() // an interrupted statement does not say whether by cancel or deadline
	}
	return err
}

func (p *readers) take(ctx context.Context) (*reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case r := <-p.idle:
		return r, nil
	default:
	}
	select {
	case r := <-p.idle:
		return r, nil
	case <-p.slots:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	conn, err := p.db.Conn(ctx)
	if err != nil {
		p.slots <- struct{}{}
		return nil, mapError(err)
	}
	return &reader{conn: conn, stmts: newStmtCache(ctx, conn)}, nil
}

// close waits for the reads under way.
func (p *readers) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for {
		select {
		case r := <-p.idle:
			r.close()
		default:
			return p.db.Close()
		}
	}
}

// isNoTransaction reports that there is nothing to roll back.
func isNoTransaction(err error) bool {
	return strings.Contains(err.Error(), "no transaction is active")
}
