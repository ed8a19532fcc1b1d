package lockwell

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"sync"
)

// DownloadState is what a download has, to go on with it later. It can be kept
// as JSON.
type DownloadState struct {
	VersionID string         `json:"versionId"`
	ETag      string         `json:"etag"`
	Size      int64          `json:"size"`
	PartSize  int64          `json:"partSize"`
	Parts     map[int]uint64 `json:"parts"` // CRC-64/NVME of those that are there, by number from 0
}

// DownloadOptions of Download; nil means none.
type DownloadOptions struct {
	VersionID   string
	PartSize    int64 // bytes; 0 means 16 MiB
	Concurrency int   // parts in flight; 0 means 4
	// State is where an earlier download into the same file ended. It is left
	// aside when the object is another one by now. Parts that it names are read
	// from the file, which must be an io.ReaderAt, and fetched again when they
	// have changed.
	State *DownloadState
	// Save is given the state after each part, to be kept; the part is in the
	// file then. It is called by one goroutine at a time.
	Save func(DownloadState) error
	// Progress is told how many bytes are in the file, of how many. It is called
	// by one goroutine at a time and must return quickly.
	Progress func(done, total int64)
}

// Download writes an object into a file, several ranges at a time, and checks
// the whole against its checksum. ErrChanged says that the object was replaced
// meanwhile.
func (c *Client) Download(ctx context.Context, bucket, key string, to io.WriterAt, o *DownloadOptions) (Info, error) {
	opts := DownloadOptions{}
	if o != nil {
		opts = *o
	}
	if opts.PartSize <= 0 {
		opts.PartSize = defaultPartSize
	}
	if opts.Concurrency <= 0 {
		opts.Concurrency = defaultConcurrency
	}
	info, err := c.Head(ctx, bucket, key, &GetOptions{VersionID: opts.VersionID})
	if err != nil {
		return Info{}, err
	}
	d := &download{
		c: c, o: opts, info: info, to: to, progress: newProgress(opts.Progress, info.Size),
		state: DownloadState{VersionID: info.VersionID, ETag: info.ETag, Size: info.Size, PartSize: opts.PartSize, Parts: map[int]uint64{}},
	}
	d.recall()
	if err := d.run(ctx); err != nil {
		return info, err
	}
	return info, d.check()
}

// download is one run of Download.
type download struct {
	c        *Client
	o        DownloadOptions
	info     Info
	to       io.WriterAt
	progress *progress

	mu    sync.Mutex
	state DownloadState
	err   error
}

// recall takes over what of an earlier state the file really has.
func (d *download) recall() {
	s := d.o.State
	file, ok := d.to.(io.ReaderAt)
	if s == nil || !ok || s.VersionID != d.state.VersionID || s.ETag != d.state.ETag || s.Size != d.state.Size || s.PartSize <= 0 {
		return
	}
	d.state.PartSize = s.PartSize
	for n, want := range s.Parts {
		if n < 0 || n >= d.parts() {
			continue
		}
		at, size := d.span(n)
		sum := crc64.New(crc64.MakeTable(polynomial))
		if got, err := io.Copy(sum, io.NewSectionReader(file, at, size)); err == nil && got == size && sum.Sum64() == want {
			d.state.Parts[n] = want
			d.progress.add(size)
		}
	}
}

func (d *download) parts() int {
	return int((d.info.Size + d.state.PartSize - 1) / d.state.PartSize)
}

func (d *download) span(n int) (at, size int64) {
	at = int64(n) * d.state.PartSize
	return at, min(d.state.PartSize, d.info.Size-at)
}

func (d *download) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range min(d.o.Concurrency, d.parts()) {
		workers.Go(func() {
			for n := range numbers {
				if err := d.fetch(ctx, n); err != nil {
					d.fail(err)
					cancel(err)
				}
			}
		})
	}
	missing := make([]int, 0, d.parts())
	for n := range d.parts() {
		if _, ok := d.state.Parts[n]; !ok {
			missing = append(missing, n)
		}
	}
	d.feed(ctx, missing, numbers)
	close(numbers)
	workers.Wait()
	return d.err
}

func (d *download) feed(ctx context.Context, missing []int, numbers chan<- int) {
	for _, n := range missing {
		select {
		case numbers <- n:
		case <-ctx.Done():
			d.fail(fmt.Errorf("get %s/%s: %w", d.info.Bucket, d.info.Key, context.Cause(ctx)))
			return
		}
	}
}

func (d *download) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = err
	}
}

// fetch gets one part.
func (d *download) fetch(ctx context.Context, n int) error {
	at, size := d.span(n)
	r, err := d.c.Get(ctx, d.info.Bucket, d.info.Key, &GetOptions{VersionID: d.info.VersionID, IfMatch: d.info.ETag, Range: &Range{at, size}})
	if errors.Is(err, ErrPreconditionFailed) || errors.Is(err, ErrNotFound) {
		return fmt.Errorf("get %s/%s: %w: %w", d.info.Bucket, d.info.Key, ErrChanged, err)
	}
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	sum := crc64.New(crc64.MakeTable(polynomial))
	moved := counter{add: d.progress.add}
	got, err := io.CopyBuffer(io.MultiWriter(io.NewOffsetWriter(d.to, at), sum, &moved), r, make([]byte, 128<<10))
	if err == nil && got != size {
		err = fmt.Errorf("get %s/%s: %w", d.info.Bucket, d.info.Key, io.ErrUnexpectedEOF)
	}
	if err != nil {
		d.progress.add(-moved.n)
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.Parts[n] = sum.Sum64()
	if d.o.Save == nil {
		return nil
	}
	if err := d.o.Save(d.state); err != nil {
		return fmt.Errorf("keeping the state of the download: %w", err)
	}
	return nil
}

// counter tells what is written to it.
type counter struct {
	n   int64
	add func(int64)
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	c.add(int64(len(p)))
	return len(p), nil
}

// check compares the parts' checksums, joined, with that of the object.
func (d *download) check() error {
	want := d.info.Checksums[CRC64NVME]
	if len(want) != 8 {
		return nil
	}
	var sum uint64
	for n := range d.parts() {
		_, size := d.span(n)
		sum = combineCRC64(sum, d.state.Parts[n], size)
	}
	if sum != binary.BigEndian.Uint64(want) {
		return fmt.Errorf("get %s/%s: %w", d.info.Bucket, d.info.Key, ErrChecksum)
	}
	return nil
}
