package transfer

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// minStep is the least that a reservation grows by when the quota has no room
// for a whole objectv1.ReservationStep, in bytes.
const minStep = 1 << 20

// hold is the lease and the reservation of one ingest.
type hold struct {
	uploads uploadv1.Service
	now     func() time.Time
	ticket  objectv1.Ticket

	mu       sync.Mutex
	reserved int64
}

// keep renews the lease every third of its length until ctx ends. It fails when
// the ingest is gone, or nobody could be asked before the lease ran out.
func (h *hold) keep(ctx context.Context) error {
	till := h.ticket.LeaseTill
	for {
		left := till.Sub(h.now())
		if left <= 0 {
			return uploadv1.ErrGone
		}
		// Near the end, which only failed renewals reach, it asks more often.
		if !wait(ctx, max(min(left/3, 40*time.Second), 10*time.Millisecond)) {
			return nil
		}
		ing, err := h.renew(ctx, h.size())
		switch {
		case err == nil:
			till = ing.LeaseTill
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the transfer is over
		case !unsure(err):
			return fmt.Errorf("renewing an upload: %w", err)
		}
	}
}

func (h *hold) size() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reserved
}

func (h *hold) renew(ctx context.Context, bytes int64) (uploadv1.Ingest, error) {
	return h.uploads.Renew(ctx, uploadv1.RenewRequest{AccountID: h.ticket.AccountID, VersionID: h.ticket.VersionID, Bytes: bytes}) //nolint:wrapcheck // both callers do
}

// grow reserves more than taken, in smaller steps where the quota ends.
func (h *hold) grow(ctx context.Context, taken int64) (int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for step := int64(objectv1.ReservationStep); ; step /= 4 {
		want := max(h.reserved, taken) + step
		if h.ticket.MaxSize > 0 {
			want = min(want, h.ticket.MaxSize)
		}
		if want <= taken {
			return 0, objectv1.ErrTooLarge
		}
		ing, err := h.renew(ctx, want)
		if err == nil {
			h.reserved = max(want, ing.Ticket.Reserved)
			return h.reserved, nil
		}
		if fault.KindOf(err) != fault.QuotaExceeded || step/4 < minStep {
			return 0, fmt.Errorf("reserving %d bytes: %w", want, err)
		}
	}
}

// metered lets no byte of unknown length in that is not reserved, and ends the
// transfer when its lease is lost.
type metered struct {
	ctx     context.Context //nolint:containedctx // it lives as long as the one transfer
	r       io.Reader
	hold    *hold
	unknown bool
	taken   int64
	limit   int64
}

// Read implements io.Reader.
func (m *metered) Read(p []byte) (int, error) {
	if m.ctx.Err() != nil {
		return 0, context.Cause(m.ctx)
	}
	if m.unknown {
		if m.limit == 0 {
			m.limit = m.hold.size()
		}
		if m.taken >= m.limit {
			// A body that ends here needs no more.
			var one [1]byte
			n, err := io.ReadFull(m.r, one[:])
			if n == 0 {
				return 0, err //nolint:wrapcheck // the io contract wants io.EOF as it is
			}
			if m.limit, err = m.hold.grow(m.ctx, m.taken); err != nil {
				return 0, err
			}
			p[0] = one[0]
			m.taken++
			return 1, nil
		}
		p = p[:min(int64(len(p)), m.limit-m.taken)]
	}
	n, err := m.r.Read(p)
	m.taken += int64(n)
	return n, err //nolint:wrapcheck // the io contract wants it as it is
}
