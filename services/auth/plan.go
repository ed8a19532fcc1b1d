package auth

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/pkg/settings"
	"github.com/sluicehq/sluice/services/auth/internal/domain"
)

var planName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// parsePlans reads plans of the form NAME=STORAGE/OBJECT[/CONTAINERS_PER_DAY/LINKS],
// the first two as settings.Bytes.
func parsePlans(list []string) (map[string]domain.Limits, error) {
	plans := make(map[string]domain.Limits, len(list))
	for _, text := range list {
		name, sizes, _ := strings.Cut(strings.TrimSpace(text), "=")
		parts := strings.Split(sizes, "/")
		if len(parts) != 2 && len(parts) != 4 || !planName.MatchString(name) {
			return nil, fmt.Errorf("plan %q: it is NAME=STORAGE/OBJECT[/CONTAINERS_PER_DAY/LINKS] like standard=100GB/100GB/500/50000, the name of a-z 0-9 -", text)
		}
		if _, twice := plans[name]; twice {
			return nil, fmt.Errorf("plan %s is there twice", name)
		}
		l, err := parseLimits(parts)
		if err != nil {
			return nil, fmt.Errorf("plan %s, %w", name, err)
		}
		plans[name] = l
	}
	return plans, nil
}

func parseLimits(parts []string) (domain.Limits, error) {
	s, err := settings.ParseBytes(parts[0])
	if err != nil {
		return domain.Limits{}, fmt.Errorf("storage: %w", err)
	}
	o, err := settings.ParseBytes(parts[1])
	if err != nil {
		return domain.Limits{}, fmt.Errorf("object: %w", err)
	}
	if s < 1 || o < 1 {
		return domain.Limits{}, errors.New("sizes: they are greater than 0")
	}
	l := domain.Limits{StorageBytes: int64(s), ObjectBytes: int64(o)}
	if len(parts) == 2 {
		return l, nil
	}
	if l.ContainersPerDay, err = count(parts[2]); err != nil {
		return domain.Limits{}, fmt.Errorf("containers per day: %w", err)
	}
	if l.Links, err = count(parts[3]); err != nil {
		return domain.Limits{}, fmt.Errorf("links: %w", err)
	}
	return l, nil
}

// maxCount bounds what a plan may say, so that sums of it stay far from overflow.
const maxCount = 1_000_000_000_000

// count reads how many; 0 sets no bound.
func count(text string) (int64, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 63)
	if err != nil || n > maxCount {
		return 0, fmt.Errorf("%q is no number from 0, which sets no bound, to %d", text, int64(maxCount))
	}
	return int64(n), nil
}
