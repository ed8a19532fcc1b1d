package domain

import "time"

// gaps are the waits before each attempt of a round, counted from the attempt
// before: the schedule that Standard Webhooks suggests, a little over three days.
func gaps() [10]time.Duration {
	return [...]time.Duration{
		0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour,
		5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
}

// MaxTries is how many attempts a delivery gets before it is dead.
const MaxTries = 10

// MaxRetryAfter bounds what a receiver may ask for.
const MaxRetryAfter = 24 * time.Hour

// jitterShare is by how much a wait may be longer or shorter, so that what failed
// together does not come back together.
const jitterShare = 0.1

// waitAfter gives the wait after tries attempts failed; more is false when that
// was the last. jitter is from [0,1); retryAfter, what the receiver asked for,
// only lengthens the wait.
func waitAfter(tries int, retryAfter time.Duration, jitter float64) (wait time.Duration, more bool) {
	if tries >= MaxTries {
		return 0, false
	}
	gap := gaps()[max(tries, 1)]
	wait = gap + time.Duration(float64(gap)*jitterShare*(2*jitter-1))
	return max(wait, min(retryAfter, MaxRetryAfter)), true
}
