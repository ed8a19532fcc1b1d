package core

import (
	"context"
	"log/slog"
	"sync"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

const (
	countEvery = time.Second
	countMost  = 1000    // files in one call
	countKept  = 100_000 // files waiting while object is away; beyond, new ones are not counted
	countLast  = 5 * time.Second
)

// Downloads gathers what is downloaded and tells object at most once a second.
// It is safe for concurrent use; Run must run for anything to be told.
type Downloads struct {
	objects objectv1.Service
	log     *slog.Logger

	mu      sync.Mutex
	waiting map[string]int64
}

// NewDownloads makes an empty one.
func NewDownloads(objects objectv1.Service, log *slog.Logger) *Downloads {
	return &Downloads{objects: objects, log: log, waiting: map[string]int64{}}
}

// Add counts one download of a file.
func (d *Downloads) Add(nodeID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.waiting[nodeID]; known || len(d.waiting) < countKept {
		d.waiting[nodeID]++
	}
}

// Run tells what was counted until ctx ends, and then the rest of it.
func (d *Downloads) Run(ctx context.Context) {
	t := time.NewTicker(countEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), countLast)
			defer cancel()
			for d.tell(last) {
			}
			return
		case <-t.C:
			for d.tell(ctx) {
			}
		}
	}
}

// tell sends one call's worth and says whether to go on. Counts that surely did
// not arrive wait; those that may have are not told twice.
func (d *Downloads) tell(ctx context.Context) (more bool) {
	some := d.take()
	if len(some) == 0 {
		return false
	}
	_, err := d.objects.CountDownloads(ctx, objectv1.CountDownloadsRequest{Downloads: some})
	if err == nil {
		return true
	}
	d.log.WarnContext(ctx, "downloads were not counted", slog.Int("files", len(some)), slog.Any(telemetry.KeyErr, err))
	if fault.KindOf(err) == fault.Unavailable {
		d.putBack(some)
	}
	return false
}

func (d *Downloads) take() map[string]int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	some := make(map[string]int64, min(len(d.waiting), countMost))
	for id, n := range d.waiting {
		if len(some) == countMost {
			break
		}
		some[id] = n
		delete(d.waiting, id)
	}
	return some
}

func (d *Downloads) putBack(some map[string]int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, n := range some {
		d.waiting[id] += n
	}
}
