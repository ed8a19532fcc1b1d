package files

import (
	"time"

	"github.com/sluicehq/sluice/services/sluice/internal/profile"
)

// What tests look at inside.
var (
	LocalName    = localName
	ParseRange   = parseRange
	ParseAddress = func(s string) (bucket, key string, err error) {
		a, err := parseAddress(s)
		return a.bucket, a.key, err
	}
	Show      = show
	BytesText = bytesText
)

// ParseSize reads a flag's value.
func ParseSize(v string) (int64, error) {
	var s size
	err := s.Set(v)
	return int64(s), err
}

// BarLine renders a bar.
func BarLine(name string, files int, done, total int64, unknown bool, since time.Duration, width int) string {
	now := time.Unix(1e9, 0)
	return barState{name: name, files: files, done: done, total: total, unknown: unknown, began: now.Add(-since), moved: done}.line(width, now)
}

// HoldPartial begins a download into a folder and leaves it under way.
func HoldPartial(dir, name string) (release func(), err error) {
	f, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	p, err := f.partial(name)
	if err != nil {
		return nil, err
	}
	return func() { p.keep(); f.close() }, nil
}

// HoldUpload begins an upload and leaves it under way.
func HoldUpload(endpoint, token, path, name string) (release func(), err error) {
	d := &drive{profile: profile.Profile{Endpoint: endpoint, Token: token}}
	o := &sender{drive: d}
	s, err := d.openState(path, name, o.typed(name))
	if err != nil {
		return nil, err
	}
	return s.close, nil
}
