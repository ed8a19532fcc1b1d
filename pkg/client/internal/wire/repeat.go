package wire

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Defaults of the clients' configurations.
const (
	Attempts = 5
	MaxWait  = 30 * time.Second
	Idle     = 2 * time.Minute
)

// firstWait is the first wait between two attempts; it doubles each time.
const firstWait = 100 * time.Millisecond

// Again reports whether an answer with that status may be another one soon.
func Again(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// Wait is how long to wait after that many attempts, from 1, when the server
// asked for asked (0: it did not say); at most a quarter more than most.
func Wait(attempt int, asked, most time.Duration) time.Duration {
	// Whoever was told the same moment should not come back at the same moment.
	wait := min(max(firstWait<<min(attempt-1, 16), asked), most)
	return wait + rand.N(wait/4+1)
}

// Sleep waits, or gives the cause of ctx's end.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// RetryAfter reads the header: seconds, or a date; 0 when it says nothing.
func RetryAfter(v string) time.Duration {
	if n, err := strconv.ParseInt(v, 10, 32); err == nil && n >= 0 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
