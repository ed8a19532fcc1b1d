package locknex

import (
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
)

// stamp is the documented form of times, UTC.
const stamp = time.DateTime

func instant(t time.Time) string { return t.UTC().Format(stamp) }

// instantOr gives null for a time that is not known.
func instantOr(t *time.Time) *string {
	if t == nil || t.IsZero() {
		return nil
	}
	s := instant(*t)
	return &s
}

// wireCreated is the documented answer to create.
type wireCreated struct {
	Success      bool   `json:"success"`
	ContainerID  string `json:"container_id"`
	Title        string `json:"title"`
	ContainerURL string `json:"container_url"`
	StatusAPI    string `json:"status_api"`
	UnlockAPI    string `json:"unlock_api"`
	BadgeSVG     string `json:"badge_svg"`
	BadgeWebP    string `json:"badge_webp"`
	Size         int    `json:"container_size"`
	CreatedAt    string `json:"created_at"`
}

func createdToWire(base string, c linksv1.Container) wireCreated {
	return wireCreated{
		Success: true, ContainerID: c.ID, Title: c.Title, ContainerURL: base + "/container/" + c.ID,
		StatusAPI: base + api + "/public/container/" + c.ID + "/status", UnlockAPI: base + api + "/container/unlock",
		BadgeSVG: base + "/s/" + c.ID + ".svg", BadgeWebP: base + "/s/" + c.ID + ".webp", Size: c.Size, CreatedAt: instant(c.CreatedAt),
	}
}

// wireStatus is the documented answer to status.
type wireStatus struct {
	Success     bool           `json:"success"`
	ContainerID string         `json:"container_id"`
	Title       string         `json:"title"`
	Status      linksv1.Status `json:"status"`
	CreatedAt   string         `json:"created_at"`
	LastChecked *string        `json:"last_checked"`
	Size        int            `json:"container_size"`
	Hosts       []string       `json:"hosts"`
	Stats       linksv1.Counts `json:"stats"`
}

func statusToWire(c linksv1.Container) wireStatus {
	return wireStatus{
		Success: true, ContainerID: c.ID, Title: c.Title, Status: c.Status, CreatedAt: instant(c.CreatedAt), LastChecked: instantOr(c.CheckedAt),
		Size: c.Size, Hosts: append([]string{}, c.Hosts...), Stats: c.Counts,
	}
}

// wireStats is the documented answer to stats.
type wireStats struct {
	Success      bool           `json:"success"`
	ContainerID  string         `json:"container_id"`
	Title        string         `json:"title"`
	Clicks       wireClicks     `json:"clicks"`
	TopReferrers []wireReferrer `json:"top_referrers"`
}

type wireClicks struct {
	Today     int64 `json:"today"`
	Yesterday int64 `json:"yesterday"`
	ThisMonth int64 `json:"this_month"`
	Total     int64 `json:"total"`
}

type wireReferrer struct {
	Domain string `json:"domain"`
	Clicks int64  `json:"clicks"`
}

func statsToWire(c linksv1.Container, s statsv1.Clicks) wireStats {
	out := wireStats{
		Success: true, ContainerID: c.ID, Title: c.Title, TopReferrers: make([]wireReferrer, len(s.Referrers)),
		Clicks: wireClicks{Today: s.Today, Yesterday: s.Yesterday, ThisMonth: s.ThisMonth, Total: s.Total},
	}
	for i, r := range s.Referrers {
		out.TopReferrers[i] = wireReferrer{Domain: r.Host, Clicks: r.Clicks}
	}
	return out
}

// wireUnlocked is the documented answer to unlock.
type wireUnlocked struct {
	Success     bool       `json:"success"`
	ContainerID string     `json:"container_id"`
	Title       string     `json:"title"`
	Links       []wireLink `json:"links"`
}

type wireLink struct {
	URL    string         `json:"url"`
	Host   string         `json:"host"`
	Status linksv1.Status `json:"status"`
}

func unlockedToWire(c linksv1.Container, links []linksv1.Link) wireUnlocked {
	out := wireUnlocked{Success: true, ContainerID: c.ID, Title: c.Title, Links: make([]wireLink, len(links))}
	for i, l := range links {
		out.Links[i] = wireLink{URL: l.URL, Host: l.Host, Status: l.Status}
	}
	return out
}

// wireOwn is a container as its owner sees it.
type wireOwn struct {
	ContainerID  string         `json:"container_id"`
	NumericID    string         `json:"numeric_id"`
	Title        string         `json:"title"`
	Status       linksv1.Status `json:"status"`
	CreatedAt    string         `json:"created_at"`
	UpdatedAt    string         `json:"updated_at"`
	LastChecked  *string        `json:"last_checked"`
	Size         int            `json:"container_size"`
	Hosts        []string       `json:"hosts"`
	Stats        linksv1.Counts `json:"stats"`
	Protected    bool           `json:"protected"`
	Captcha      bool           `json:"captcha"`
	AllowCNL     bool           `json:"allow_cnl"`
	AllowLinks   bool           `json:"allow_links"`
	Group        string         `json:"group"`
	ContainerURL string         `json:"container_url"`
	StatusAPI    string         `json:"status_api"`
	BadgeSVG     string         `json:"badge_svg"`
	BadgeWebP    string         `json:"badge_webp"`
}

func ownToWire(base string, c linksv1.Container) wireOwn {
	made := createdToWire(base, c)
	return wireOwn{
		ContainerID: c.ID, NumericID: c.NumericID, Title: c.Title, Status: c.Status, CreatedAt: made.CreatedAt, UpdatedAt: instant(c.UpdatedAt),
		LastChecked: instantOr(c.CheckedAt), Size: c.Size, Hosts: append([]string{}, c.Hosts...), Stats: c.Counts, Protected: c.Protected,
		Captcha: c.Options.Captcha, AllowCNL: !c.Options.NoClickNLoad, AllowLinks: !c.Options.NoSingleLinks, Group: c.Options.Group,
		ContainerURL: made.ContainerURL, StatusAPI: made.StatusAPI, BadgeSVG: made.BadgeSVG, BadgeWebP: made.BadgeWebP,
	}
}

// wireList is a page of an account's containers.
type wireList struct {
	Success    bool      `json:"success"`
	Containers []wireOwn `json:"containers"`
	Total      int64     `json:"total"`
	After      string    `json:"after"`
	Before     string    `json:"before"`
}

// wireWhole is a container as its owner sees it, with its links.
type wireWhole struct {
	Success bool `json:"success"`
	wireOwn
	Links []wireOwnLink `json:"links"`
}

// wireOwnLink is a link with all that is known of it.
type wireOwnLink struct {
	wireLink
	Mirror         int            `json:"mirror"`
	Backup         bool           `json:"backup"`
	LastChecked    *string        `json:"last_checked"`
	HTTPStatus     *int           `json:"http_status"`
	Reason         linksv1.Reason `json:"reason"`
	Name           string         `json:"name"`
	Size           *int64         `json:"size"`
	Failures       int            `json:"failures"`
	LastDefinite   linksv1.Status `json:"last_definite"`
	LastDefiniteAt *string        `json:"last_definite_at"`
}

func wholeToWire(base string, c linksv1.Container, links []linksv1.Link) wireWhole {
	out := wireWhole{Success: true, wireOwn: ownToWire(base, c), Links: make([]wireOwnLink, len(links))}
	for i, l := range links {
		w := wireOwnLink{
			wireLink: wireLink{URL: l.URL, Host: l.Host, Status: l.Status}, Mirror: l.Mirror, Backup: l.Backup, LastChecked: instantOr(l.CheckedAt),
			Reason: l.Reason, Name: l.Name, Failures: l.Failures, LastDefinite: l.Definite, LastDefiniteAt: instantOr(l.DefiniteAt),
		}
		if l.HTTPStatus != 0 {
			w.HTTPStatus = &l.HTTPStatus
		}
		if l.Size != 0 {
			w.Size = &l.Size
		}
		out.Links[i] = w
	}
	return out
}

// wireDeleted answers what ended something.
type wireDeleted struct {
	Success     bool   `json:"success"`
	ContainerID string `json:"container_id"`
}
