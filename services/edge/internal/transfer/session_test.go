package transfer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minio/crc64nvme"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// unit is small, so that few bytes are many contents.
const unit = 4 << 10

var errCut = errors.New("the connection broke")

// sessions makes an engine over fakes.
func sessions(t testing.TB) (*transfer.Sessions, *edgetest.Object, *edgetest.Blobs) {
	t.Helper()
	o, b := edgetest.NewObject(), edgetest.NewBlobs()
	o.Unit = unit
	if _, err := o.CreateBucket(t.Context(), objectv1.CreateBucketRequest{Principal: who, Name: "box"}); err != nil {
		t.Fatal(err)
	}
	return &transfer.Sessions{Blobs: b, Uploads: edgetest.Upload{O: o}, Log: slog.New(slog.DiscardHandler), Now: time.Now, Unit: unit}, o, b
}

func begin(t testing.TB, s *transfer.Sessions, size int64) string {
	t.Helper()
	c, err := s.Uploads.CreateSession(t.Context(), uploadv1.CreateSessionRequest{Principal: who, Bucket: "box", Key: "k", Size: size})
	if err != nil {
		t.Fatal(err)
	}
	return c.Secret
}

// content reads what a session became.
func content(t testing.TB, b *edgetest.Blobs, o objectv1.Object) []byte {
	t.Helper()
	r, err := b.Reader(t.Context(), o.Manifest, 0, o.Size)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if _, err := r.WriteTo(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// became fails the test unless a session ended as data.
func became(t testing.TB, b *edgetest.Blobs, s uploadv1.Session, err error, data []byte) {
	t.Helper()
	if err != nil || s.Result == nil {
		t.Fatalf("%+v %v", s, err)
	}
	sum := sha256.Sum256(data)
	crc := binary.BigEndian.AppendUint64(nil, crc64nvme.Checksum(data))
	if !bytes.Equal(content(t, b, *s.Result), data) || !bytes.Equal(s.Result.Digests[blob.SHA256], sum[:]) || !bytes.Equal(s.Result.Digests[blob.CRC64NVME], crc) {
		t.Fatalf("%d other bytes than those %d that were sent, or another digest", s.Result.Size, len(data))
	}
	for _, m := range s.Result.Manifest.Segments[:len(data)/unit] {
		if m.Len != unit {
			t.Fatalf("a segment of %d bytes", m.Len)
		}
	}
	if n := len(s.Result.Manifest.Segments) - len(data)/unit; n > 17 {
		t.Fatalf("the tail has %d segments", n)
	}
}

func piece(secret string, off int64, data []byte, size int64) transfer.Piece {
	return transfer.Piece{Secret: secret, Offset: off, Length: int64(len(data)), Size: size, Body: bytes.NewReader(data)}
}

// choppy gives data in chunks of any size, and breaks off behind it unless it is
// whole.
type choppy struct {
	rnd   *rand.Rand
	data  []byte
	whole bool
	took  *int
}

func (c *choppy) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		if c.whole {
			return 0, io.EOF
		}
		return 0, errCut
	}
	n := copy(p, c.data[:min(len(c.data), 1+c.rnd.IntN(3*unit/2))])
	c.data = c.data[n:]
	*c.took += n
	return n, nil
}

// Whatever is cut, and wherever: the object is what was sent, and only what no
// flush had reached is sent again.
func TestSessions_RandomInterruptions(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		s, o, b := sessions(t)
		if rnd.IntN(3) == 0 {
			s.Every = time.Nanosecond // a flush with every read
		}
		data := make([]byte, rnd.IntN(10*unit))
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		size := int64(len(data))
		known := size
		if rnd.IntN(2) == 0 {
			known = -1
		}
		secret := begin(t, s, known)
		var last uploadv1.Session
		for last.Result == nil {
			from := o.Durable(secret)
			to := from + rnd.Int64N(size-from+1)
			crash := rnd.IntN(4) == 0
			whole := rnd.IntN(2) == 0
			total := known
			if to == size && whole {
				total = size
			}
			if crash { // of the edge: it stores nothing from some point on, and frees nothing
				o.FailAfter("AppendSession", rnd.IntN(3), uploadv1.ErrWrongOffset)
				o.FailAfter("ReleaseSession", 0, fault.ErrInternal)
			}
			var took int
			back := rnd.Int64N(from + 1) // what it sends twice, and other bytes in its place
			body := append(bytes.Repeat([]byte{'!'}, int(back)), data[from:to]...)
			p := transfer.Piece{Secret: secret, Offset: from - back, Length: int64(len(body)), Size: total, Body: &choppy{rnd: rnd, data: body, whole: whole, took: &took}}
			if !whole {
				p.Length = size - p.Offset
				if p.Length == 0 {
					continue
				}
			}
			got, err := s.Write(t.Context(), p)
			o.SetFail("AppendSession", nil)
			o.SetFail("ReleaseSession", nil)
			o.ExpireLeases()
			now := o.Durable(secret)
			switch lost := p.Offset + int64(took) - now; {
			case err == nil && !whole, err == nil && now != to:
				t.Fatalf("seed %d: %d of %d bytes, no error", seed, now, to)
			case err != nil && errors.Is(err, errCut) && lost > 0 && !crash:
				t.Fatalf("seed %d: a break lost %d bytes", seed, lost)
			case lost > 2*unit, now < from:
				t.Fatalf("seed %d: %d bytes are to be sent again", seed, lost)
			}
			last = got
		}
		became(t, b, last, nil, data)
	}
}

// counting adds up what is written.
type counting struct {
	*edgetest.Blobs
	wrote int64
}

func (c *counting) NewWriter(ctx context.Context, o blob.WriteOptions) (transfer.Writer, error) {
	c.wrote += o.SizeHint
	return c.Blobs.NewWriter(ctx, o)
}

// Small pieces do not stay small contents, nor are they written again each time.
func TestSessions_TailsAreMerged(t *testing.T) {
	t.Parallel()
	s, _, b := sessions(t)
	c := &counting{Blobs: b}
	s.Blobs = c
	data := []byte(strings.Repeat("0123456789", 3*unit/10))
	secret := begin(t, s, int64(len(data)))
	var last uploadv1.Session
	var err error
	const small = unit / 32
	for off := 0; off < len(data); off += small {
		if last, err = s.Write(t.Context(), piece(secret, int64(off), data[off:min(off+small, len(data))], -1)); err != nil {
			t.Fatal(err)
		}
	}
	became(t, b, last, nil, data)
	if times := float64(c.wrote) / float64(len(data)); times > 3 {
		t.Errorf("each byte was written %.1f times", times)
	}
}

// An edge whose clock is behind leaves alone what an earlier one made: its
// content would stand where the collector has been already.
func TestSessions_ClocksApart(t *testing.T) {
	t.Parallel()
	s, o, b := sessions(t)
	secret := begin(t, s, 20)
	if _, err := s.Write(t.Context(), piece(secret, 0, []byte("0123456789"), -1)); err != nil {
		t.Fatal(err)
	}
	s.Uploads = ahead{edgetest.Upload{O: o}}
	c := &counting{Blobs: b}
	s.Blobs = c
	got, err := s.Write(t.Context(), piece(secret, 10, []byte("abcdefghij"), -1))
	became(t, b, got, err, []byte("0123456789abcdefghij"))
	if c.wrote != 20 {
		t.Errorf("%d bytes were written", c.wrote)
	}
}

// ahead gives tails ids of a later time.
type ahead struct{ edgetest.Upload }

func (a ahead) AcquireSession(ctx context.Context, r uploadv1.AcquireSessionRequest) (uploadv1.SessionLease, error) {
	l, err := a.Upload.AcquireSession(ctx, r)
	if l.Tail != nil {
		l.Tail.ContentID = "7" + l.Tail.ContentID[1:]
	}
	return l, err
}

// What arrives is durable two seconds later, though the client goes on slowly.
func TestSessions_FlushesWhileBytesArrive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, o, b := sessions(t)
		secret := begin(t, s, 30)
		r, w := io.Pipe()
		type result struct {
			s   uploadv1.Session
			err error
		}
		done := make(chan result)
		go func() {
			got, err := s.Write(t.Context(), transfer.Piece{Secret: secret, Length: 30, Size: -1, Body: r})
			done <- result{got, err}
		}()
		for i := range 30 {
			if _, err := w.Write([]byte{'a' + byte(i)}); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if behind := int64(i+1) - o.Durable(secret); behind > 4 {
				t.Errorf("after %d bytes, %d are in memory only", i+1, behind)
			}
			time.Sleep(500 * time.Millisecond)
		}
		w.Close()
		got := <-done
		became(t, b, got.s, got.err, []byte("abcdefghijklmnopqrstuvwxyz{|}~"))
		if n := o.Called("AppendSession"); n > 9 {
			t.Errorf("%d flushes in 15 s", n)
		}
	})
}

// A client that vanished takes its context with it, not its bytes.
func TestSessions_ClientGone(t *testing.T) {
	t.Parallel()
	s, o, b := sessions(t)
	s.Blobs = heeding{b}
	secret := begin(t, s, 100)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Write(ctx, transfer.Piece{Secret: secret, Length: 100, Size: -1, Body: io.MultiReader(strings.NewReader("hello"), reader(func([]byte) (int, error) {
		cancel()
		return 0, errCut
	}))})
	if !errors.Is(err, errCut) || o.Durable(secret) != 5 || o.Leased() {
		t.Fatalf("%v, %d bytes", err, o.Durable(secret))
	}
}

// heeding ends with its context, as the real store does.
type heeding struct{ *edgetest.Blobs }

func (h heeding) NewWriter(ctx context.Context, o blob.WriteOptions) (transfer.Writer, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return h.Blobs.NewWriter(ctx, o)
}

type reader func([]byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }

// losing answers the first Append and Finish with a lost answer.
type losing struct {
	edgetest.Upload
	appends, finishes int
}

func (l *losing) AppendSession(ctx context.Context, r uploadv1.AppendSessionRequest) (uploadv1.SessionLease, error) {
	out, err := l.Upload.AppendSession(ctx, r)
	if l.appends++; l.appends == 1 && err == nil {
		return uploadv1.SessionLease{}, fault.ErrTimeout
	}
	return out, err
}

func (l *losing) FinishSession(ctx context.Context, r uploadv1.FinishSessionRequest) (objectv1.Object, error) {
	out, err := l.Upload.FinishSession(ctx, r)
	if l.finishes++; l.finishes == 1 && err == nil {
		return objectv1.Object{}, fault.ErrUnavailable
	}
	return out, err
}

func TestSessions_LostAnswers(t *testing.T) {
	t.Parallel()
	s, o, b := sessions(t)
	l := &losing{Upload: edgetest.Upload{O: o}}
	s.Uploads = l
	data := bytes.Repeat([]byte("x"), unit+5)
	secret := begin(t, s, int64(len(data)))
	got, err := s.Write(t.Context(), piece(secret, 0, data, -1))
	became(t, b, got, err, data)
	if l.appends != 3 || l.finishes != 2 {
		t.Errorf("%d appends, %d finishes", l.appends, l.finishes)
	}
}

// Failures on the way leave what was durable, and the session free.
func TestSessions_Failures(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte("x"), 3*unit)
	for name, c := range map[string]struct {
		breaks, mends func(o *edgetest.Object, b *edgetest.Blobs)
		want          error
	}{
		"the store refuses": {
			func(_ *edgetest.Object, b *edgetest.Blobs) { b.FailNew = blob.ErrUnavailable },
			func(_ *edgetest.Object, b *edgetest.Blobs) { b.FailNew = nil }, blob.ErrUnavailable,
		},
		"the tail cannot be read": {
			func(_ *edgetest.Object, b *edgetest.Blobs) { b.Damaged = true },
			func(_ *edgetest.Object, b *edgetest.Blobs) { b.Damaged = false }, blob.ErrDamaged,
		},
		"the quota is full": {
			func(o *edgetest.Object, _ *edgetest.Blobs) { o.Quota = unit },
			func(o *edgetest.Object, _ *edgetest.Blobs) { o.Quota = 0 }, objectv1.ErrQuotaExceeded,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, o, b := sessions(t)
			secret := begin(t, s, -1)
			if _, err := s.Write(t.Context(), piece(secret, 0, data[:100], -1)); err != nil {
				t.Fatal(err)
			}
			c.breaks(o, b)
			if got, err := s.Write(t.Context(), piece(secret, 100, data[100:], 3*unit)); !errors.Is(err, c.want) || got.Offset > unit {
				t.Fatalf("%+v %v", got, err)
			}
			if o.Leased() {
				t.Error("the session stays taken")
			}
			c.mends(o, b)
			at := o.Durable(secret)
			got, err := s.Write(t.Context(), piece(secret, at, data[at:], 3*unit))
			became(t, b, got, err, data)
		})
	}
}

// changing gives leases another midstate than the session's.
type changing struct {
	edgetest.Upload
	midstate []byte
}

func (c changing) AcquireSession(ctx context.Context, r uploadv1.AcquireSessionRequest) (uploadv1.SessionLease, error) {
	l, err := c.Upload.AcquireSession(ctx, r)
	l.Midstate = c.midstate
	return l, err
}

// Nothing is appended under hashes that are not those of what is there.
func TestSessions_ForeignMidstate(t *testing.T) {
	t.Parallel()
	s, o, _ := sessions(t)
	secret := begin(t, s, 200)
	if _, err := s.Write(t.Context(), piece(secret, 0, make([]byte, 100), -1)); err != nil {
		t.Fatal(err)
	}
	for _, mid := range [][]byte{nil, {1}, bytes.Repeat([]byte{1}, 126)} {
		s.Uploads = changing{edgetest.Upload{O: o}, mid}
		if _, err := s.Write(t.Context(), piece(secret, 100, make([]byte, 100), -1)); fault.KindOf(err) != fault.Internal || o.Durable(secret) != 100 {
			t.Errorf("%x: %v, %d bytes", mid, err, o.Durable(secret))
		}
	}
}

// A checksum holds back everything until it is known, in as many calls as it takes.
func TestSessions_Check(t *testing.T) {
	t.Parallel()
	s, o, b := sessions(t)
	data := bytes.Repeat([]byte("0123456789abcdef"), (2*uploadv1.MaxAppend+3)*unit/16)
	secret := begin(t, s, int64(len(data)))
	if _, err := s.Write(t.Context(), piece(secret, 0, data[:100], -1)); err != nil {
		t.Fatal(err)
	}
	before := o.Called("AppendSession")
	send := func(body []byte) (uploadv1.Session, error) {
		p := piece(secret, 100, body, -1)
		sum := sha256.Sum256(data[100:])
		p.Exact, p.Check = true, &transfer.Check{Hash: sha256.New(), Want: sum[:]}
		return s.Write(t.Context(), p)
	}
	wrong := bytes.Clone(data[100:])
	wrong[len(wrong)-1]++
	if _, err := send(wrong); !errors.Is(err, transfer.ErrChecksum) || o.Durable(secret) != 100 || o.Called("AppendSession") != before || o.Leased() {
		t.Fatalf("%v, %d bytes", err, o.Durable(secret))
	}
	got, err := send(data[100:])
	became(t, b, got, err, data)
	if n := o.Called("AppendSession") - before; n != 3 {
		t.Errorf("%d appends", n)
	}
}

// More than the object may have is an error, and nothing more of it is kept.
func TestSessions_TooMuch(t *testing.T) {
	t.Parallel()
	s, o, _ := sessions(t)
	o.MaxSize = 2*unit + 10
	secret := begin(t, s, -1)
	long := make([]byte, 2*unit+11)
	if _, err := s.Write(t.Context(), piece(secret, 0, long, -1)); !errors.Is(err, objectv1.ErrTooLarge) || o.Durable(secret) != 0 {
		t.Errorf("announced: %v, %d", err, o.Durable(secret))
	}
	_, err := s.Write(t.Context(), transfer.Piece{Secret: secret, Length: -1, Size: -1, Body: bytes.NewReader(long), Whole: true})
	if !errors.Is(err, objectv1.ErrTooLarge) || o.Durable(secret) != 2*unit {
		t.Errorf("not announced: %v, %d", err, o.Durable(secret))
	}
	if _, err := s.State(t.Context(), secret, 2*unit+11); err != nil {
		t.Errorf("a question: %v", err)
	}
	if _, err := s.Write(t.Context(), piece(secret, 2*unit, make([]byte, 11), 2*unit+11)); !errors.Is(err, objectv1.ErrTooLarge) {
		t.Errorf("a total that is too much: %v", err)
	}
}

// TestSessions_Memory holds a transfer to a few contents, however long it is.
func TestSessions_Memory(t *testing.T) {
	s, o, b := sessions(t)
	s.Unit, o.Unit = 128<<10, 128<<10
	b.Discard = true
	secret := begin(t, s, -1)
	p := transfer.Piece{Secret: secret, Length: 16 << 20, Size: -1, Body: zeros(16 << 20)}
	if grown := allocated(t, func() {
		if _, err := s.Write(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}); grown > 2<<20 {
		t.Errorf("%d KiB for 128 contents of 128 KiB", grown>>10)
	}
}

// allocated is how many bytes run takes from the heap in all, freed ones too.
func allocated(t *testing.T, run func()) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
