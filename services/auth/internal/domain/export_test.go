package domain

import (
	"strconv"
	"time"
)

// Shapes of what clients send and of what is made.
var (
	HostingShaped = hostingShaped
	KeyShaped     = keyShaped
	Alphanumeric  = alphanumeric
	Address       = address
)

// FillMemo puts n claims into a memo and tells how many it knows then, and
// whether the last is among them.
func FillMemo(n int, now time.Time) (known int, last bool) {
	m := newMemo()
	var k memoKey
	for i := range n {
		k = m.key(claim{name: strconv.Itoa(i)})
		m.put(k, Account{ID: "acc_1"}, now)
	}
	_, _, last = m.get(k, now)
	return len(m.entries), last
}
