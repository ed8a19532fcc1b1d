package files

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sluicehq/sluice/pkg/client/lockr"
	"github.com/sluicehq/sluice/services/sluice/internal/profile"
)

// maxState bounds the file of a state, in bytes.
const maxState = 64 << 10

// uploadState is an upload under way, in a file beside the profile that is
// locked while it is written.
type uploadState struct {
	f    *os.File
	kept keptUpload
}

// keptUpload is what the file holds. Whoever can read it can write to the upload.
type keptUpload struct {
	Path    string        `json:"path"`
	Size    int64         `json:"size"`
	ModTime time.Time     `json:"modTime"`
	Session lockr.Session `json:"session"`
}

var errSending = errors.New("another upload of the same file is under way")

// openState opens the state of a file's upload with these attributes to this
// server by this account, and makes it when there is none.
func (d *drive) openState(path, name string, a lockr.Attributes) (*uploadState, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("looking for %s: %w", path, err)
	}
	beside, err := profile.Path(d.choice.Name)
	if err != nil {
		return nil, &UsageError{err}
	}
	dir := filepath.Join(filepath.Dir(beside), "uploads")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of uploads under way: %w", err)
	}
	forgetExpired(dir)
	who := d.profile.Username
	if who == "" {
		who = "\x00" + d.profile.Token // a guest, or a token of the environment
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{d.profile.Endpoint, who, abs, name, a.Type, a.Key, a.Region}, "\x00")))
	file := filepath.Join(dir, fmt.Sprintf("%x.json", sum[:16]))
	s := &uploadState{}
	if s.f, err = os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("opening the state of the upload: %w", err)
	}
	if err := s.lock(file); err != nil {
		_ = s.f.Close()
		return nil, fmt.Errorf("%s: %w", show(path), err)
	}
	s.kept = readKept(s.f)
	s.kept.Path = abs
	return s, nil
}

// lock keeps others from the state as long as it is open.
func (s *uploadState) lock(name string) error {
	if err := syscall.Flock(int(s.f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errSending
	}
	// Whoever had it before may have finished between the opening and the lock.
	mine, err := s.f.Stat()
	if err != nil {
		return err //nolint:wrapcheck // os names the operation and the file
	}
	if named, err := os.Stat(name); err != nil || !os.SameFile(mine, named) {
		return errSending
	}
	return nil
}

// readKept reads what a file holds; a broken one is as good as none.
func readKept(r io.Reader) (k keptUpload) {
	data, err := io.ReadAll(io.LimitReader(r, maxState))
	if err != nil || json.Unmarshal(data, &k) != nil {
		return keptUpload{}
	}
	return k
}

// session gives the session to go on with; nil when there is none, or the file
// has changed since.
func (s *uploadState) session(st os.FileInfo) *lockr.Session {
	k := s.kept
	if k.Session.UploadURL == "" || k.Size != st.Size() || !k.ModTime.Equal(st.ModTime()) {
		return nil
	}
	return &k.Session
}

func (s *uploadState) save(st os.FileInfo, session lockr.Session) error {
	s.kept.Size, s.kept.ModTime, s.kept.Session = st.Size(), st.ModTime(), session
	data, err := json.Marshal(s.kept)
	if err != nil {
		return fmt.Errorf("encoding the state: %w", err)
	}
	if err := s.f.Truncate(0); err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	if _, err := s.f.WriteAt(data, 0); err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	return nil
}

// drop removes the state: there is nothing to go on with.
func (s *uploadState) drop() { _ = os.Remove(s.f.Name()) }

// close leaves the state to the next run, if it has anything.
func (s *uploadState) close() {
	if st, err := s.f.Stat(); err == nil && st.Size() == 0 {
		s.drop()
	}
	_ = s.f.Close()
}

// forgetExpired removes the states of uploads that the server has forgotten too.
func forgetExpired(dir string) {
	entries, _ := os.ReadDir(dir) // nothing is nothing to remove
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		if k := readKept(f); !k.Session.ExpiresAt.IsZero() && time.Now().After(k.Session.ExpiresAt) {
			_ = os.Remove(path)
		}
		_ = f.Close()
	}
}
