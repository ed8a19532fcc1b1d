package domain

import (
	"slices"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

// holdLife is how long a write that counts may take. It is longer than an edit
// may wait, so that the sweep has given the edit up before the hold lapses.
const holdLife = 3 * EditLife

// Usage counts what an account has. A write takes a hold before it begins and
// settles it when it is done; what a crash leaves between lapses, and the sweep
// counts again.
type Usage struct {
	ID         string     `bson:"-"` // of the account
	Rev        int64      `bson:"-"`
	Day        string     `bson:"day"`        // UTC
	Containers int64      `bson:"containers"` // made on Day
	Links      int64      `bson:"links"`      // of all containers
	Holds      []Hold     `bson:"holds"`
	DueAt      *time.Time `bson:"due_at,omitempty"` // when the first hold lapses
}

// Hold is a write under way.
type Hold struct {
	ID        string    `bson:"id"` // of an edit, or of a deletion
	Container string    `bson:"container"`
	Links     int64     `bson:"links"` // that it may add
	Till      time.Time `bson:"till"`
	Day       string    `bson:"day,omitempty"` // on which it counts a container; empty: it makes none
}

// hold takes or renews a hold that may add links to what the account has, and
// with fresh counts a container.
func (u *Usage) hold(h Hold, fresh bool, q linksv1.Quota, now time.Time) error {
	u.today(now)
	if fresh && q.ContainersPerDay > 0 && u.Containers >= q.ContainersPerDay {
		return linksv1.ErrQuota.Msgf("the plan allows %d containers a day; the day ends at midnight UTC", q.ContainersPerDay).
			After(now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now))
	}
	i := slices.IndexFunc(u.Holds, func(o Hold) bool { return o.ID == h.ID })
	before := int64(0)
	if i >= 0 {
		before = u.Holds[i].Links
	}
	if q.Links > 0 && h.Links > before && u.held()-before+h.Links > q.Links {
		return linksv1.ErrQuota.Msgf("the plan allows %d links; delete containers to have more", q.Links)
	}
	if fresh {
		u.Containers++
		h.Day = u.Day
	}
	h.Till = now.Add(holdLife)
	if i >= 0 {
		h.Day = u.Holds[i].Day
		u.Holds[i] = h
	} else {
		u.Holds = append(u.Holds, h)
	}
	u.schedule()
	return nil
}

// settle ends a hold with what it added; false when there is none any more.
func (u *Usage) settle(id string, links int64) bool {
	i := slices.IndexFunc(u.Holds, func(o Hold) bool { return o.ID == id })
	if i < 0 {
		return false
	}
	u.Holds = slices.Delete(u.Holds, i, i+1)
	u.Links = max(u.Links+links, 0)
	u.schedule()
	return true
}

// release ends the hold of a write that came to nothing, and gives back the
// container that it counted; false when there is none any more.
func (u *Usage) release(id string) bool {
	i := slices.IndexFunc(u.Holds, func(o Hold) bool { return o.ID == id })
	if i < 0 {
		return false
	}
	u.uncount(u.Holds[i])
	return u.settle(id, 0)
}

// uncount gives back the container of a hold. That of another day is forgotten
// already.
func (u *Usage) uncount(h Hold) {
	if h.Day != "" && h.Day == u.Day {
		u.Containers = max(u.Containers-1, 0)
	}
}

func (u *Usage) today(now time.Time) {
	if today := day(now); u.Day != today {
		u.Day, u.Containers = today, 0
	}
}

// day names the UTC day of a time.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// held is what the account has, and may have when its writes are done.
func (u *Usage) held() int64 {
	n := u.Links
	for _, h := range u.Holds {
		n += h.Links
	}
	return n
}

func (u *Usage) schedule() {
	u.DueAt = nil
	for _, h := range u.Holds {
		if till := h.Till; u.DueAt == nil || till.Before(*u.DueAt) {
			u.DueAt = &till
		}
	}
}
