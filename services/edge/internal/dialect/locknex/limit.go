package locknex

import (
	"net/http"
	"strconv"

	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// The headers of a rate.
const (
	headerLimit     = "X-Ratelimit-Limit"
	headerRemaining = "X-Ratelimit-Remaining"
	headerReset     = "X-Ratelimit-Reset" // Unix seconds
)

// metered is dialect.R of a row that counts against the rate of its caller.
func (h *Handler) metered(name, pattern string, handle dialect.Handler, a dialect.Auth, b dialect.Body, doc string) dialect.Route {
	return dialect.R(name, pattern, func(w http.ResponseWriter, r *http.Request) error {
		if err := h.spend(w, r, 1); err != nil {
			return err
		}
		return handle(w, r)
	}, a, b, doc)
}

// spend counts n requests of the caller, an account or else an address, and says
// what is left in the answer's headers.
func (h *Handler) spend(w http.ResponseWriter, r *http.Request, n int) error {
	var s core.Standing
	var err error
	if c := dialect.CallOf(r); c.Caller.Principal.AccountID != "" {
		s, err = h.core.Rates.Account(c.Caller.Principal.AccountID, n)
	} else {
		s, err = h.core.Rates.Address(c.Source, n)
	}
	show(w.Header(), s)
	return err //nolint:wrapcheck // it says what was being done
}

func show(head http.Header, s core.Standing) {
	if s.Limit == 0 {
		return
	}
	head.Set(headerLimit, strconv.Itoa(s.Limit))
	head.Set(headerRemaining, strconv.Itoa(s.Remaining))
	reset := s.Reset.Unix()
	if s.Reset.Nanosecond() > 0 {
		reset++
	}
	head.Set(headerReset, strconv.FormatInt(reset, 10))
}
