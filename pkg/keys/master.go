package keys

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// keySize is the length of every key here, in bytes.
const keySize = 32

// recheck bounds how often an unknown key makes this process look at the file again.
const recheck = 100 * time.Millisecond

// Master is the content of the master key file. It is safe for concurrent use.
// A key that another process adds to the file is found when something sealed
// or signed by it turns up.
type Master struct {
	path string
	set  atomic.Pointer[masterSet]

	mu      sync.Mutex // guards reloads
	checked time.Time
}

// masterSet is one reading of the file; it never changes.
type masterSet struct {
	current uint32
	keys    []masterKey // newest first, the current one at the front
}

type masterKey struct {
	id     uint32
	secret []byte
}

// LoadOrCreate reads the master key file at path, and makes it when it is absent
// and dataExists is false. Several processes that start at once end with the
// same key. It refuses a file that others than its owner may read, and a missing
// file when there is data that only the lost key could open.
func LoadOrCreate(path string, dataExists bool) (*Master, error) {
	set, err := readFile(path)
	if os.IsNotExist(err) {
		if dataExists {
			return nil, fmt.Errorf("the master key file %s is missing, but there is data that was sealed under it: put the file back from your backup, or point the key file setting at it", path)
		}
		set, err = createFile(path)
	}
	if err != nil {
		return nil, err
	}
	m := &Master{path: path}
	m.set.Store(set)
	return m, nil
}

// CurrentID is the id of the key that new things are sealed and signed under.
func (m *Master) CurrentID() uint32 { return m.set.Load().current }

// Rotate adds a fresh key to the file and makes it current. What older keys
// sealed and signed keeps holding, since they stay in the file; Ring.Rewrap
// then moves the domains to the new key. A crash at any point leaves the old or
// the new file, whole. It returns the id of the new key.
func (m *Master) Rotate() (uint32, error) {
	set, err := addKey(m.path)
	if err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set.Store(set)
	return set.current, nil
}

// reload reads the file again unless that was just done, and reports whether
// the keys are others than known.
func (m *Master) reload(known *masterSet) (*masterSet, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := m.set.Load(); now != known {
		return now, true
	}
	if time.Since(m.checked) < recheck {
		return known, false
	}
	m.checked = time.Now()
	set, err := readFile(m.path)
	if err != nil || set.current == known.current && len(set.keys) == len(known.keys) {
		return known, false // a file that went away does not take the keys of running processes
	}
	m.set.Store(set)
	return set, true
}

// refresh reads the file before something long-lived is wrapped, so that a
// process that missed a rotation does not go on using the old key.
func (m *Master) refresh() {
	m.mu.Lock()
	m.checked = time.Time{}
	m.mu.Unlock()
	m.reload(m.set.Load())
}

// derived gives, per master key, the key of one purpose. It derives again when
// the master changed.
type derived struct {
	m     *Master
	label string
	cache atomic.Pointer[derivedSet]
}

type derivedSet struct {
	from *masterSet
	keys []derivedKey // in the order of from.keys: the current one first
}

type derivedKey struct {
	id  uint32
	key [keySize]byte
}

func (d *derived) of(set *masterSet) *derivedSet {
	if c := d.cache.Load(); c != nil && c.from == set {
		return c
	}
	c := &derivedSet{from: set, keys: make([]derivedKey, 0, len(set.keys))}
	for _, k := range set.keys {
		c.keys = append(c.keys, derivedKey{id: k.id, key: derive(k.secret, d.label)})
	}
	d.cache.Store(c)
	return c
}

func (d *derived) all() *derivedSet { return d.of(d.m.set.Load()) }

func (d *derived) current() derivedKey { return d.all().keys[0] }

// again looks for keys that c does not have yet.
func (d *derived) again(c *derivedSet) (*derivedSet, bool) {
	set, changed := d.m.reload(c.from)
	if !changed {
		return c, false
	}
	return d.of(set), true
}

// byID finds the key of one master key, reading the file again when it is unknown.
func (d *derived) byID(id uint32) (derivedKey, bool) {
	c := d.all()
	for {
		for _, k := range c.keys {
			if k.id == id {
				return k, true
			}
		}
		var more bool
		if c, more = d.again(c); !more {
			return derivedKey{}, false
		}
	}
}

// derive is HKDF-SHA256 without salt, with label as its info.
func derive(secret []byte, label string) [keySize]byte {
	k, err := hkdf.Key(sha256.New, secret, nil, label, keySize)
	if err != nil {
		panic(err) // only for lengths over 255 hashes; ours is one
	}
	return [keySize]byte(k)
}

func randomKey() []byte {
	k := make([]byte, keySize)
	_, _ = rand.Read(k) // never fails: the runtime ends the process instead
	return k
}
