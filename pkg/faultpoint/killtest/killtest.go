// Package killtest breaks a service off between two of its writes, in the
// process of the test: the ports of a domain are wrapped so that each write is a
// step of a Killer.
package killtest

import (
	"errors"
	"sync"
)

// ErrKilled is what every step ends with after a kill.
var ErrKilled = errors.New("killed")

// Killer breaks a service off before or after its n-th step. From then on nothing
// happens any more until it is mended: that is what a kill and a restart look
// like. The zero value kills nothing. Safe for concurrent use.
type Killer struct {
	mu    sync.Mutex
	at    int // 0: never
	after bool
	dead  bool
	steps int
}

// Arm kills at the n-th step from now, before or after its effect.
func (k *Killer) Arm(n int, after bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.at, k.after, k.dead, k.steps = n, after, false, 0
}

// Mend lets everything happen again, and counts from the beginning.
func (k *Killer) Mend() { k.Arm(0, false) }

// Count is how many steps there were since Arm or Mend.
func (k *Killer) Count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.steps
}

// Dead reports whether the kill has come.
func (k *Killer) Dead() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.dead
}

// Armed reports whether a kill has come or is still to come.
func (k *Killer) Armed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.at != 0
}

// enter counts a step and says whether it is done, and whether the service lives
// to see it.
func (k *Killer) enter() (do, lives bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dead {
		return false, false
	}
	k.steps++
	k.dead = k.steps == k.at
	return !k.dead || k.after, !k.dead
}

// Step is a step with an answer: ErrKilled when nobody lives to see it.
func Step[T any](k *Killer, do func() (T, error)) (out T, err error) {
	var none T
	does, lives := k.enter()
	if does {
		out, err = do()
	}
	if !lives {
		return none, ErrKilled
	}
	return out, err
}

// Write is a step without an answer.
func (k *Killer) Write(do func() error) error {
	_, err := Step(k, func() (struct{}, error) { return struct{}{}, do() })
	return err
}
