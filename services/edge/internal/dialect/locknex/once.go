package locknex

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/pkg/fault"
)

// headerOnce carries a client's name for a request, under which it is carried out
// once.
const headerOnce = "Idempotency-Key"

// maxOnce bounds it, characters, as Lockwell does.
const maxOnce = 255

// onceOf reads an idempotency key; "" means none.
func onceOf(r *http.Request) (string, error) {
	values := r.Header.Values(headerOnce)
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(values) > 1 || key == "" || len(key) > maxOnce || strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", fault.ErrInvalid.Msgf("%s is given once, and has 1 to %d visible ASCII characters", headerOnce, maxOnce)
	}
	return key, nil
}

// onceFor is the key of an item of a bulk request. No key of a single request is
// one: they have no spaces.
func onceFor(key string, item int) string {
	if key == "" {
		return ""
	}
	return key + " " + strconv.Itoa(item)
}
