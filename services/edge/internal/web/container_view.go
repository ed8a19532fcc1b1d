package web

import (
	"strconv"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
)

// linkGroup is the links of one mirror that are at one host, with the backups
// that stand in for them.
type linkGroup struct {
	Number int // from 1 on; ?mirror= asks for it
	Mirror int // from 1 on, as the owner numbered them
	Host   string
	Counts linksv1.Counts
	Links  []linksv1.Link
}

// Status is the group's.
func (g linkGroup) Status() linksv1.Status { return g.Counts.Status() }

// grouped puts links in groups, both in order of first appearance.
func grouped(links []linksv1.Link) []linkGroup {
	type key struct {
		mirror int
		host   string
	}
	var groups []linkGroup
	at := map[key]int{}
	last := -1
	for _, l := range links {
		k := key{l.Mirror, l.Host}
		i, ok := at[k]
		switch {
		case l.Backup && last >= 0 && groups[last].Mirror == l.Mirror+1:
			i = last // beside the one that it stands in for, wherever it is
		case !ok:
			i = len(groups)
			at[k] = i
			groups = append(groups, linkGroup{Number: i + 1, Mirror: l.Mirror + 1, Host: l.Host})
		}
		g := &groups[i]
		g.Links = append(g.Links, l)
		count(&g.Counts, l.Status)
		last = i
	}
	return groups
}

func count(c *linksv1.Counts, s linksv1.Status) {
	switch s {
	case linksv1.Online:
		c.Online++
	case linksv1.Offline:
		c.Offline++
	default:
		c.Unknown++
	}
}

// mirrors reports whether the owner made more than one.
func mirrors(groups []linkGroup) bool {
	for _, g := range groups {
		if g.Mirror > 1 {
			return true
		}
	}
	return false
}

// letters are the states of links, one letter each, as events carry them.
func letters(links []linksv1.Link) string {
	b := make([]byte, len(links))
	for i, l := range links {
		switch l.Status {
		case linksv1.Online:
			b[i] = 'o'
		case linksv1.Offline:
			b[i] = 'x'
		default:
			b[i] = 'u'
		}
	}
	return string(b)
}

// graphDays is how many days the graph of clicks shows.
const graphDays = 30

// The measures of the graph, pixels.
const (
	graphHeight = 96
	barStep     = 20
	barWidth    = 14
)

// clickGraph is the clicks on a container, and a bar for each day.
type clickGraph struct {
	statsv1.Clicks
	Bars          []bar
	Width, Height int
	Most          int64
}

// bar is one day.
type bar struct {
	X, Y, Width, Height int
	Day                 time.Time
	Clicks              int64
}

// First and Last are the ends of the graph.
func (g clickGraph) First() time.Time { return g.Bars[0].Day }

// Last is the newest day.
func (g clickGraph) Last() time.Time { return g.Bars[len(g.Bars)-1].Day }

// Any reports whether one of the days has clicks.
func (g clickGraph) Any() bool { return g.Most > 0 }

func newClickGraph(c statsv1.Clicks) *clickGraph {
	g := &clickGraph{Clicks: c, Height: graphHeight, Width: barStep * len(c.Days)}
	for _, d := range c.Days {
		g.Most = max(g.Most, d.Clicks)
	}
	for i, d := range c.Days {
		day, err := time.Parse(time.DateOnly, d.Day)
		if err != nil {
			continue
		}
		b := bar{X: i*barStep + (barStep-barWidth)/2, Width: barWidth, Height: 2, Day: day, Clicks: d.Clicks}
		if g.Most > 0 && d.Clicks > 0 {
			b.Height = max(4, int(d.Clicks*graphHeight/g.Most))
		}
		b.Y = graphHeight - b.Height
		g.Bars = append(g.Bars, b)
	}
	if len(g.Bars) == 0 {
		return &clickGraph{Clicks: c}
	}
	return g
}

// badgeCodes are the badge of a container, ready to be pasted.
type badgeCodes struct{ Image, BBCode, HTML, Markdown string }

// newBadgeCodes writes them. Forums get the WebP, which programs read, too; both
// addresses have nothing in them that any of the languages would take for its
// own. The page's own image has the time in its address: a browser that kept the
// badge of a minute ago would show it beside the states of now.
func newBadgeCodes(base, id string, now time.Time) badgeCodes {
	page, badge := base+"/container/"+id, base+"/s/"+id
	return badgeCodes{
		Image:    "/s/" + id + ".svg?at=" + strconv.FormatInt(now.UnixMilli(), 10),
		BBCode:   "[url=" + page + "][img]" + badge + ".webp[/img][/url]",
		HTML:     `<a href="` + page + `"><img src="` + badge + `.svg" alt="links" height="20"></a>`,
		Markdown: "[![links](" + badge + ".svg)](" + page + ")",
	}
}
