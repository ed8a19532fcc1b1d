package locknex

import (
	"fmt"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// shown bounds how much of a bad link an error repeats, in characters.
const shown = 80

// wish is what a body says of a container, to make one or to change one; what is
// nil, and null in the body, is not said.
type wish struct {
	Title      *string      `json:"title"`
	Password   *string      `json:"password"`
	Links      []string     `json:"links"`
	Mirrors    []wishMirror `json:"mirrors"`
	Captcha    *bool        `json:"captcha"`
	AllowCNL   *bool        `json:"allow_cnl"`
	AllowLinks *bool        `json:"allow_links"`
	Group      *string      `json:"group"`
}

// wishMirror is the content once more: Backups[i] stands in for Links[i], "" for
// nothing.
type wishMirror struct {
	Links   []string `json:"links"`
	Backups []string `json:"backups"`
}

// create gives the container that is wished for.
func (b wish) create() (core.NewContainer, error) {
	if b.Title == nil {
		return core.NewContainer{}, linksv1.ErrBadTitle.Msgf("title is needed: 1 to %d characters", linksv1.MaxTitle)
	}
	links, err := b.links()
	if err != nil {
		return core.NewContainer{}, err
	}
	if len(links) == 0 {
		return core.NewContainer{}, linksv1.ErrTooManyLinks.Msgf("links is needed: 1 to %d http or https URLs", linksv1.MaxLinks)
	}
	n := core.NewContainer{Title: *b.Title, Links: links}
	if b.Password != nil {
		n.Password = *b.Password
	}
	n.Options = b.options().Apply(n.Options)
	return n, nil
}

// change gives the change that is wished for.
func (b wish) change(id string) (core.ContainerChange, error) {
	n := core.ContainerChange{ID: id, Title: b.Title, Password: b.Password, Options: b.options()}
	var err error
	if n.Links, err = b.links(); err != nil {
		return core.ContainerChange{}, err
	}
	if (b.Links != nil || b.Mirrors != nil) && len(n.Links) == 0 {
		return core.ContainerChange{}, linksv1.ErrTooManyLinks
	}
	if n.Title == nil && n.Password == nil && n.Links == nil && n.Options == (linksv1.OptionsChange{}) {
		return core.ContainerChange{}, fault.ErrInvalid.Msgf("nothing to change: send title, password, links, mirrors, captcha, allow_cnl, allow_links or group")
	}
	return n, nil
}

func (b wish) options() linksv1.OptionsChange {
	c := linksv1.OptionsChange{Captcha: b.Captcha, Group: b.Group}
	if b.AllowCNL != nil {
		c.NoClickNLoad = new(!*b.AllowCNL)
	}
	if b.AllowLinks != nil {
		c.NoSingleLinks = new(!*b.AllowLinks)
	}
	return c
}

// links gives what is wished for in order, each link once.
func (b wish) links() ([]linksv1.LinkInput, error) {
	l := list{seen: map[string]bool{}}
	if b.Links != nil && b.Mirrors != nil {
		return nil, fault.ErrInvalid.Msgf("give links or mirrors, not both")
	}
	for i, u := range b.Links {
		if _, err := l.add(linksv1.LinkInput{URL: u}, fmt.Sprintf("link %d", i+1)); err != nil {
			return nil, err
		}
	}
	for m, mirror := range b.Mirrors {
		if err := l.mirror(m, mirror); err != nil {
			return nil, err
		}
	}
	if len(l.all) > linksv1.MaxLinks {
		return nil, linksv1.ErrTooManyLinks.Msgf("a container has 1 to %d links; these are %d", linksv1.MaxLinks, len(l.all))
	}
	return l.all, nil
}

// list gathers links.
type list struct {
	all  []linksv1.LinkInput
	seen map[string]bool // by linksv1.Address.Key
}

// add takes a link unless it is there, and says whether it was new.
func (l *list) add(in linksv1.LinkInput, where string) (bool, error) {
	a, err := linksv1.ParseURL(in.URL)
	if err != nil {
		return false, linksv1.ErrBadLink.Msgf("%s (%q) is no link: %s", where, cut(in.URL), fault.From(err).Message)
	}
	if l.seen[a.Key] {
		return false, nil
	}
	l.seen[a.Key] = true
	in.URL = a.URL
	l.all = append(l.all, in)
	return true, nil
}

// mirror takes a mirror. A link that is there already goes with its backup, which
// would stand in for another one.
func (l *list) mirror(m int, w wishMirror) error {
	if len(w.Links) == 0 {
		return linksv1.ErrTooManyLinks.Msgf("mirror %d has no links", m+1)
	}
	if len(w.Backups) > len(w.Links) {
		return fault.ErrInvalid.Msgf("mirror %d has more backups than links", m+1)
	}
	if m >= linksv1.MaxLinks {
		return linksv1.ErrTooManyLinks
	}
	for i, u := range w.Links {
		added, err := l.add(linksv1.LinkInput{URL: u, Mirror: m}, fmt.Sprintf("link %d of mirror %d", i+1, m+1))
		if err != nil {
			return err
		}
		if i >= len(w.Backups) || w.Backups[i] == "" {
			continue
		}
		if !added {
			if _, err := linksv1.ParseURL(w.Backups[i]); err == nil {
				continue
			}
		}
		if _, err := l.add(linksv1.LinkInput{URL: w.Backups[i], Mirror: m, Backup: true}, fmt.Sprintf("backup %d of mirror %d", i+1, m+1)); err != nil {
			return err
		}
	}
	return nil
}

// cut is the front of a text.
func cut(s string) string {
	if r := []rune(s); len(r) > shown {
		return string(r[:shown]) + "…"
	}
	return s
}
