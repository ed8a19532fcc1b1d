// Package wholefile writes small secret files that are there whole or not at all:
// no reader sees half of one, and what a call has written survives a power cut.
package wholefile

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// Replace puts b in the place of the file at path, whatever that was. The file has
// mode 0600 from its beginning: nobody reads it because the one before was open to
// others.
func Replace(path string, b []byte) error { return write(path, b, os.Rename) }

// Create puts b at path if nothing is there; otherwise the error is fs.ErrExist. Of
// several at once one succeeds, and every one returns when the file is on disk.
func Create(path string, b []byte) error {
	err := write(path, b, os.Link)
	if errors.Is(err, os.ErrExist) {
		err = errors.Join(err, syncDir(path))
	}
	return err
}

func write(path string, b []byte, place func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when it was renamed
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := place(f.Name(), path); err != nil {
		return err
	}
	return syncDir(path)
}

// syncDir makes the name at path durable; Windows has no such call.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
