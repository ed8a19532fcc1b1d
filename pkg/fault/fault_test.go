package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
)

var errGone = fault.New(fault.NotFound, "thing.not_found", "there is no such thing")

func TestError_IsByCode(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("reading thing: %w", errGone.Msgf("thing %q is gone", "a").Because(errors.New("row missing")))
	if !errors.Is(err, errGone) {
		t.Fatal("a refined copy must match its declaration by errors.Is")
	}
	if fault.KindOf(err) != fault.NotFound || fault.CodeOf(err) != "thing.not_found" {
		t.Fatalf("kind %s code %s", fault.KindOf(err), fault.CodeOf(err))
	}
	if errGone.Message != "there is no such thing" || errGone.Unwrap() != nil {
		t.Fatal("refining changed the declared variable")
	}
}

func TestFrom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		kind fault.Kind
	}{
		{nil, ""},
		{errors.New("disk on fire"), fault.Internal},
		{context.DeadlineExceeded, fault.Timeout},
		{fmt.Errorf("get: %w", context.Canceled), fault.Canceled},
		{fault.ErrUnavailable.After(time.Second), fault.Unavailable},
	} {
		if got := fault.KindOf(c.err); got != c.kind {
			t.Errorf("KindOf(%v) = %q, want %q", c.err, got, c.kind)
		}
	}
	if m := fault.From(errors.New("select * from secrets")).Message; m != fault.ErrInternal.Message {
		t.Errorf("an unknown error shows its text: %q", m)
	}
}

func TestRetryable(t *testing.T) {
	t.Parallel()
	want := map[fault.Kind]bool{fault.Unavailable: true, fault.Timeout: true, fault.RateLimited: true, fault.Internal: true}
	for _, k := range fault.Kinds() {
		if got := fault.Retryable(fault.New(k, "x", "x")); got != want[k] {
			t.Errorf("Retryable(%s) = %v", k, got)
		}
	}
}
