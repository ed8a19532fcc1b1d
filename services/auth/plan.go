package auth

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/sluicehq/sluice/pkg/settings"
	"github.com/sluicehq/sluice/services/auth/internal/domain"
)

var planName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// parsePlans reads plans of the form NAME=STORAGE/OBJECT, both as settings.Bytes.
func parsePlans(list []string) (map[string]domain.Limits, error) {
	plans := make(map[string]domain.Limits, len(list))
	for _, text := range list {
		name, sizes, _ := strings.Cut(strings.TrimSpace(text), "=")
		storage, object, ok := strings.Cut(sizes, "/")
		if !ok || !planName.MatchString(name) {
			return nil, fmt.Errorf("plan %q: it is NAME=STORAGE/OBJECT like standard=100GB/100GB, the name of a-z 0-9 -", text)
		}
		if _, twice := plans[name]; twice {
			return nil, fmt.Errorf("plan %s is there twice", name)
		}
		s, err := settings.ParseBytes(storage)
		if err != nil {
			return nil, fmt.Errorf("plan %s, storage: %w", name, err)
		}
		o, err := settings.ParseBytes(object)
		if err != nil {
			return nil, fmt.Errorf("plan %s, object: %w", name, err)
		}
		if s < 1 || o < 1 {
			return nil, fmt.Errorf("plan %s: sizes are greater than 0", name)
		}
		plans[name] = domain.Limits{StorageBytes: int64(s), ObjectBytes: int64(o)}
	}
	return plans, nil
}
