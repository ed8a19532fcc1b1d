package clicks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/outbound"
)

// PurposeSalt is the purpose of the master key that the days' salts come from.
const PurposeSalt = "click-salt"

const visitorLen = 16 // bytes of the hash

// visitors turns addresses and agents into what stats tells visitors apart by: a
// hash under a salt of the UTC day, the same on every edge. Who has neither the
// master key nor the day's salt cannot find an address in it.
type visitors struct {
	signer *keys.Signer

	mu   sync.Mutex
	day  string
	salt []byte
}

func (v *visitors) of(address, agent string, at time.Time) string {
	h := hmac.New(sha256.New, v.saltOf(at.UTC().Format(time.DateOnly)))
	h.Write([]byte(address))
	h.Write([]byte{0})
	h.Write([]byte(agent))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:visitorLen])
}

func (v *visitors) saltOf(day string) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.day != day {
		v.day, v.salt = day, v.signer.Sign([]byte(day))
	}
	return v.salt
}

const (
	maxReferrer = 2048 // bytes of a Referer that is looked at
	maxHost     = 253  // stats takes no longer one
)

// referrerOf is the host that a Referer names, without "www."; empty where it names
// none, or ours.
func referrerOf(referer, baseURL string) string {
	host := hostOf(referer)
	if host == "" || host == hostOf(baseURL) {
		return ""
	}
	return host
}

func hostOf(raw string) string {
	if raw == "" || len(raw) > maxReferrer {
		return ""
	}
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	u.User = nil // some browsers let it stand; it is no matter of ours
	host, _, err := outbound.Host(u)
	if err != nil || len(host) > maxHost {
		return ""
	}
	if short := strings.TrimPrefix(host, "www."); strings.Contains(short, ".") {
		return short
	}
	return host
}
