package model_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

const seeds = "testdata/seeds"

// replay does the sequences that failed once.
func replay(t *testing.T, c *harness.Client) {
	files, err := filepath.Glob(filepath.Join(seeds, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	slots := make(chan struct{}, clients)
	var wg sync.WaitGroup
	for _, file := range files {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			var s sequence
			b, err := os.ReadFile(file)
			if err == nil {
				err = json.Unmarshal(b, &s)
			}
			if err == nil {
				_, err = s.run(t.Context(), c)
			}
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
		})
	}
	wg.Wait()
}

// keep writes the sequence down, to be replayed by every run from now on.
func (s sequence) keep(t *testing.T, why error) string {
	t.Helper()
	s.Why = why.Error()
	b, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	file := filepath.Join(seeds, fmt.Sprintf("%x.json", sum[:8]))
	if err := os.MkdirAll(seeds, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// shrinkFor bounds the search for a smaller sequence.
const shrinkFor = 20 * time.Second

// shrink leaves operations out for as long as the rest still fails; no error
// says that the sequence does not fail alone.
func shrink(ctx context.Context, c *harness.Client, s sequence) (sequence, error) {
	ctx, cancel := context.WithTimeout(ctx, shrinkFor)
	defer cancel()
	fails := func(ops []op) ([]op, error) {
		n, err := sequence{Days: s.Days, Ops: ops}.run(ctx, c)
		if !errors.As(err, new(disagreement)) {
			return ops, nil
		}
		return ops[:min(n+1, len(ops))], err
	}
	ops, why := fails(s.Ops)
	if why == nil {
		return s, nil
	}
	s.Ops = ops
	for size := len(s.Ops) / 2; size > 0 && ctx.Err() == nil; size /= 2 {
		for at := 0; at+size <= len(s.Ops) && ctx.Err() == nil; {
			less, err := fails(slices.Delete(slices.Clone(s.Ops), at, at+size))
			if err == nil {
				at += size
				continue
			}
			s.Ops, why = less, err
		}
	}
	return s, why
}
