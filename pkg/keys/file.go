package keys

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sluicehq/sluice/pkg/wholefile"
)

// fileFormat is the first member of the file; another value means a newer Sluice.
const fileFormat = "sluice-master-keys/1"

// maxFile bounds the file, in bytes; thousands of keys fit.
const maxFile = 1 << 20

type keyFile struct {
	Format  string        `json:"format"`
	Current uint32        `json:"current"`
	Keys    []keyFileItem `json:"keys"`
}

type keyFileItem struct {
	ID      uint32    `json:"id"`
	Created time.Time `json:"created"`
	Key     string    `json:"key"` // standard base64 of 32 bytes
}

func readFile(path string) (*masterSet, error) {
	set, _, err := readKeyFile(path)
	return set, err
}

func readKeyFile(path string) (*masterSet, keyFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, keyFile{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, keyFile{}, fmt.Errorf("reading the master key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, keyFile{}, fmt.Errorf("the master key file %s is not a regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, keyFile{}, fmt.Errorf("the master key file %s may be read or written by others than its owner (mode %04o): run chmod 600 on it, and think about who could have copied it", path, info.Mode().Perm())
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, keyFile{}, fmt.Errorf("reading the master key file: %w", err)
	}
	set, kf, err := parseFile(b)
	if err != nil {
		return nil, keyFile{}, fmt.Errorf("the master key file %s is damaged: %w", path, err)
	}
	return set, kf, nil
}

func parseFile(b []byte) (*masterSet, keyFile, error) {
	var kf keyFile
	if err := json.Unmarshal(b, &kf); err != nil {
		return nil, kf, errors.New("it is not the JSON document that was written") // err could show a part of a key
	}
	if kf.Format != fileFormat {
		return nil, kf, fmt.Errorf("its format is %q, this version reads %q", kf.Format, fileFormat)
	}
	set := &masterSet{current: kf.Current}
	seen := map[uint32]bool{}
	for i := len(kf.Keys) - 1; i >= 0; i-- {
		it := kf.Keys[i]
		secret, err := base64.StdEncoding.Strict().DecodeString(it.Key)
		if err != nil || len(secret) != keySize {
			return nil, kf, fmt.Errorf("key %d is not the base64 of %d bytes", it.ID, keySize)
		}
		if it.ID == 0 || seen[it.ID] {
			return nil, kf, fmt.Errorf("key id %d is zero or stands there twice", it.ID)
		}
		seen[it.ID] = true
		k := masterKey{id: it.ID, secret: secret}
		if it.ID == kf.Current {
			set.keys = append([]masterKey{k}, set.keys...)
		} else {
			set.keys = append(set.keys, k)
		}
	}
	if !seen[kf.Current] {
		return nil, kf, fmt.Errorf("its current key %d is not in it", kf.Current)
	}
	return set, kf, nil
}

// createFile makes the file with one fresh key. A hard link decides between
// processes that do this at once: only one can make the name, with the content
// already on disk, and the others read what it wrote.
func createFile(path string) (*masterSet, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the master key file: %w", err)
	}
	kf := keyFile{Format: fileFormat, Current: 1, Keys: []keyFileItem{newItem(1)}}
	b, err := kf.encode()
	if err != nil {
		return nil, err
	}
	if err := wholefile.Create(path, b); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("making the master key file: %w", err)
	}
	return readFile(path)
}

// addKey writes the file anew with a fresh current key, under a lock, so that
// two rotations at once do not lose a key.
func addKey(path string) (*masterSet, error) {
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the master key file: %w", err)
	}
	defer lock.Close() // closing unlocks
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("locking the master key file: %w", err)
	}
	_, kf, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	next := uint32(1)
	for _, k := range kf.Keys {
		next = max(next, k.ID+1)
	}
	kf.Keys, kf.Current = append(kf.Keys, newItem(next)), next
	b, err := kf.encode()
	if err != nil {
		return nil, err
	}
	if err := wholefile.Replace(path, b); err != nil {
		return nil, fmt.Errorf("replacing the master key file: %w", err)
	}
	return readFile(path)
}

func newItem(id uint32) keyFileItem {
	return keyFileItem{ID: id, Created: time.Now().UTC().Truncate(time.Second), Key: base64.StdEncoding.EncodeToString(randomKey())}
}

func (kf keyFile) encode() ([]byte, error) {
	b, err := json.MarshalIndent(kf, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the master key file: %w", err)
	}
	return append(b, '\n'), nil
}
