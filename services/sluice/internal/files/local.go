package files

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// Names of what a download keeps beside its file until it is whole.
const (
	partialPrefix = ".sluice-"
	partialSuffix = ".part"
	stateSuffix   = ".part.json"
)

// localName makes a path below a folder of a key; an error says why there can
// be none on this system. Nothing is changed or left out: two keys never become
// one file.
func localName(key string) (string, error) {
	for name := range strings.SplitSeq(key, "/") {
		if strings.HasPrefix(name, partialPrefix) && (strings.HasSuffix(name, partialSuffix) || strings.HasSuffix(name, stateSuffix)) {
			return "", errors.New("the name is that of an unfinished download")
		}
	}
	local, err := filepath.Localize(key)
	if err != nil || key == "." {
		return "", errors.New("it is no path of a file on this system")
	}
	return local, nil
}

// folder is where downloads go. Nothing it does leaves it: not by "..", and not
// over symbolic links.
type folder struct{ root *os.Root }

func openFolder(dir string) (folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return folder{}, fmt.Errorf("opening %s: %w", dir, err)
	}
	return folder{root}, nil
}

func (f folder) close() { _ = f.root.Close() }

// partial is a file on its way.
type partial struct {
	dir         folder
	name        string // where it shall be
	file, state string // what it is called until then
	f           *os.File
}

// partial opens the unfinished file of name, and makes it and the folders above
// it when there is none.
func (f folder) partial(name string) (*partial, error) {
	dir := filepath.Dir(name)
	if dir != "." {
		if err := f.root.MkdirAll(dir, 0o777); err != nil {
			return nil, fmt.Errorf("making %s: %w", dir, err)
		}
	}
	if st, err := f.root.Stat(name); err == nil && st.IsDir() {
		return nil, fmt.Errorf("%s is a folder", name)
	}
	// By a digest, as any name may be too long for one more letter.
	sum := sha256.Sum256([]byte(filepath.Base(name)))
	stem := filepath.Join(dir, fmt.Sprintf("%s%x", partialPrefix, sum[:8]))
	p := &partial{dir: f, name: name, file: stem + partialSuffix, state: stem + stateSuffix}
	var err error
	if p.f, err = f.root.OpenFile(p.file, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, fmt.Errorf("making %s: %w", name, err)
	}
	if err := p.lock(); err != nil {
		_ = p.f.Close()
		return nil, fmt.Errorf("making %s: %w", name, err)
	}
	return p, nil
}

var errUnderWay = errors.New("another download to the same place is under way")

// lock keeps others from the unfinished file, as long as it is open.
func (p *partial) lock() error {
	if err := syscall.Flock(int(p.f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errUnderWay
	}
	// Whoever had it before may have finished it between the opening and the lock.
	mine, err := p.f.Stat()
	if err != nil {
		return err //nolint:wrapcheck // os names the operation and the file
	}
	if named, err := p.dir.root.Stat(p.file); err != nil || !os.SameFile(mine, named) {
		return errUnderWay
	}
	return nil
}

// load reads where an earlier download ended, and reports whether there was one.
func (p *partial) load(state any) bool {
	data, err := p.dir.root.ReadFile(p.state)
	return err == nil && json.Unmarshal(data, state) == nil
}

// save keeps the state; a broken one is as good as none.
func (p *partial) save(s any) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encoding the state: %w", err)
	}
	if err := p.dir.root.WriteFile(p.state, data, 0o600); err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	return nil
}

// finish gives the whole file its name.
func (p *partial) finish(size int64) error {
	err := p.f.Truncate(size)
	if err == nil {
		err = p.f.Sync()
	}
	if cerr := p.f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = p.dir.root.Rename(p.file, p.name)
	}
	if err != nil {
		return fmt.Errorf("finishing %s: %w", p.name, err)
	}
	return p.dropState()
}

func (p *partial) dropState() error {
	if err := p.dir.root.Remove(p.state); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the state of %s: %w", p.name, err)
	}
	return nil
}

// discard removes what there is.
func (p *partial) discard() {
	_ = p.f.Close()
	_ = p.dir.root.Remove(p.file)
	_ = p.dropState()
}

// keep leaves it for the next run.
func (p *partial) keep() { _ = p.f.Close() }

// target says where a single object goes: into which folder, under which name.
func target(dest, key string) (dir, name string, err error) {
	st, err := os.Stat(dest)
	if err == nil && st.IsDir() || strings.HasSuffix(dest, "/") || strings.HasSuffix(dest, string(filepath.Separator)) {
		name, err := localName(base(key))
		if err != nil || base(key) == "/" {
			return "", "", fmt.Errorf("%s cannot be the name of a file here; give one", show(path.Base(key)))
		}
		return dest, name, os.MkdirAll(dest, 0o777) //nolint:gosec // the user's umask decides, as with cp
	}
	return filepath.Dir(dest), filepath.Base(dest), nil
}
