package webdav

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Bounds of locks. Clients that mount a drive lock what they write, for minutes,
// and renew.
const (
	maxLocks    = 256 // of an account
	maxLockTime = time.Hour
	minLockTime = time.Second
	sweepEvery  = time.Minute
)

const tokenScheme = "opaquelocktoken:" //nolint:gosec // RFC 4918, appendix C; no secret

// lock is a write lock (RFC 4918, 6 and 7).
type lock struct {
	token  string // with its scheme
	root   string // path in the drive
	href   string // of the root, as it was when the lock was taken
	deep   bool   // holds for all that is in the folder
	shared bool
	owner  owner
	life   time.Duration
	until  time.Time
}

// owner is what a client says of itself; text, or a URL.
type owner struct {
	text string
	url  bool
}

// covers reports whether the lock holds for path.
func (l lock) covers(path string) bool {
	return l.root == path || l.deep && below(path, l.root)
}

// lockTable keeps the locks of all accounts in memory: those of one process (W-9).
// It is safe for concurrent use.
type lockTable struct {
	now func() time.Time

	mu       sync.Mutex
	accounts map[string][]lock
	swept    time.Time
}

func newLockTable(now func() time.Time) *lockTable {
	return &lockTable{now: now, accounts: map[string][]lock{}}
}

// of gives the locks of an account that hold, with mu held.
func (t *lockTable) of(account string, now time.Time) []lock {
	t.set(account, slices.DeleteFunc(t.accounts[account], func(l lock) bool { return !now.Before(l.until) }))
	return t.accounts[account]
}

func (t *lockTable) set(account string, ls []lock) {
	if len(ls) == 0 {
		delete(t.accounts, account)
		return
	}
	t.accounts[account] = ls
}

// sweep drops what has ended of accounts that nobody asks for, with mu held.
func (t *lockTable) sweep(now time.Time) {
	if now.Sub(t.swept) < sweepEvery {
		return
	}
	t.swept = now
	for account := range t.accounts {
		t.of(account, now)
	}
}

// acquire takes a lock; l's token and end are set here. What stands in the way
// is a *lockedError.
func (t *lockTable) acquire(account string, l lock) (lock, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	t.sweep(now)
	held := t.of(account, now)
	for _, other := range held {
		if (!l.shared || !other.shared) && (other.covers(l.root) || l.covers(other.root)) {
			return lock{}, &lockedError{href: other.href, conflicting: true}
		}
	}
	if len(held) >= maxLocks {
		return lock{}, errTooManyLocks
	}
	l.token, l.until = newToken(), now.Add(l.life)
	t.accounts[account] = append(held, l)
	return l, nil
}

// renew gives a lock that covers path another life.
func (t *lockTable) renew(account, path, token string, life time.Duration) (lock, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	held := t.of(account, now)
	for i, l := range held {
		if l.token == token && l.covers(path) {
			held[i].life, held[i].until = life, now.Add(life)
			return held[i], nil
		}
	}
	return lock{}, errNoSuchLock
}

// release ends a lock that covers path.
func (t *lockTable) release(account, path, token string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	held := t.of(account, t.now())
	at := slices.IndexFunc(held, func(l lock) bool { return l.token == token && l.covers(path) })
	if at < 0 {
		return errNoSuchLock
	}
	t.set(account, slices.Delete(held, at, at+1))
	return nil
}

// forget ends the locks of what is not at path any more.
func (t *lockTable) forget(account, path string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(account, slices.DeleteFunc(t.accounts[account], func(l lock) bool { return l.root == path || below(l.root, path) }))
}

// covering gives the locks that hold for path.
func (t *lockTable) covering(account, path string) []lock {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []lock
	for _, l := range t.of(account, t.now()) {
		if l.covers(path) {
			out = append(out, l)
		}
	}
	return out
}

// obstacle finds a lock that refuses a change to a caller who names these
// tokens. One token of several shared locks of one root is enough.
func (t *lockTable) obstacle(account string, c change, tokens []string) *lock {
	t.mu.Lock()
	defer t.mu.Unlock()
	held := t.of(account, t.now())
	named := func(l lock) bool {
		return slices.Contains(tokens, l.token) || l.shared && slices.ContainsFunc(held, func(o lock) bool {
			return o.shared && o.root == l.root && slices.Contains(tokens, o.token)
		})
	}
	for _, l := range held {
		if c.touches(l) && !named(l) {
			return &l
		}
	}
	return nil
}

// change is what a request does to a place.
type change struct {
	at     target
	tree   bool // to all that is below, too
	member bool // it comes into being, or goes: its folder changes
}

func (c change) touches(l lock) bool {
	return l.covers(c.at.path) || c.tree && below(l.root, c.at.path) || c.member && l.covers(parentOf(c.at.path))
}

func newToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	x := hex.EncodeToString(b[:])
	return tokenScheme + x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

// writeLocks writes DAV:lockdiscovery.
func writeLocks(b *bytes.Buffer, ls []lock) {
	b.WriteString("<d:lockdiscovery>")
	for _, l := range ls {
		scope, depth := "exclusive", "0"
		if l.shared {
			scope = "shared"
		}
		if l.deep {
			depth = "infinity"
		}
		b.WriteString("<d:activelock><d:locktype><d:write/></d:locktype><d:lockscope><d:" + scope + "/></d:lockscope>")
		text(b, "d:depth", depth)
		switch {
		case l.owner.url:
			b.WriteString("<d:owner>")
			text(b, "d:href", l.owner.text)
			b.WriteString("</d:owner>")
		case l.owner.text != "":
			text(b, "d:owner", l.owner.text)
		}
		text(b, "d:timeout", "Second-"+strconv.FormatInt(int64(l.life/time.Second), 10))
		b.WriteString("<d:locktoken>")
		text(b, "d:href", l.token)
		b.WriteString("</d:locktoken><d:lockroot>")
		text(b, "d:href", l.href)
		b.WriteString("</d:lockroot></d:activelock>")
	}
	b.WriteString("</d:lockdiscovery>")
}
