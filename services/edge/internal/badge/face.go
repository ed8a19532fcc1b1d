package badge

import (
	"strconv"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

// Kind is what a badge says.
type Kind uint8

// The kinds.
const (
	NotFound Kind = iota
	Online
	Partial
	Offline
	Unknown
	Unavailable // nobody can tell now
)

// Face is what can be seen of a container. Good and Total are 0 where the kind
// does not show them, so that equal faces are equal pictures.
type Face struct {
	Kind        Kind
	Good, Total int
}

// faceOf is the face of a container's badge.
func faceOf(b linksv1.Badge) Face {
	switch {
	case b.Gone:
		return Face{Kind: NotFound}
	case b.Status == linksv1.Online:
		return Face{Kind: Online, Good: b.Counts.Online, Total: b.Counts.Total()}
	case b.Status == linksv1.Partial:
		return Face{Kind: Partial, Good: b.Counts.Online, Total: b.Counts.Total()}
	case b.Status == linksv1.Offline:
		return Face{Kind: Offline}
	}
	return Face{Kind: Unknown}
}

// message is the text on the right.
func (f Face) message() string {
	switch f.Kind {
	case Online:
		return "online " + strconv.Itoa(f.Good) + "/" + strconv.Itoa(f.Total)
	case Partial:
		return "partial " + strconv.Itoa(f.Good) + "/" + strconv.Itoa(f.Total)
	case Offline:
		return "offline"
	case Unknown:
		return "unknown"
	case Unavailable:
		return "unavailable"
	case NotFound:
	}
	return "not found"
}

// rgb is a colour.
type rgb struct{ r, g, b uint8 }

// hex writes it as SVG does.
func (c rgb) hex() string {
	const digits = "0123456789abcdef"
	out := []byte{'#'}
	for _, v := range [3]uint8{c.r, c.g, c.b} {
		out = append(out, digits[v>>4], digits[v&15])
	}
	return string(out)
}

// The colours (field-facts.md, 9). Programs take a pixel with g > 100, g > 1.3r and
// g > 1.3b for "online" (field-facts.md, 1.3): green is one and nothing else here is,
// nor anything that lies between two of the others.
var (
	grey   = rgb{0x55, 0x55, 0x55} // of the label
	green  = rgb{0x44, 0xcc, 0x11}
	yellow = rgb{0xdf, 0xb3, 0x17}
	red    = rgb{0xe0, 0x5d, 0x44}
	pale   = rgb{0x9f, 0x9f, 0x9f}
)

// colour is the ground on the right.
func (f Face) colour() rgb {
	switch f.Kind {
	case Online:
		return green
	case Partial:
		return yellow
	case Offline:
		return red
	case NotFound, Unknown, Unavailable:
	}
	return pale
}

// Measures of a badge at scale 1, in pixels.
const (
	height   = 20
	radius   = 3
	padding  = 5
	baseline = 14
	barLine  = 3 // the green line at the bottom of a partial one
	barLeast = 4
)

// layout is where the parts of a badge are, at scale 1.
type layout struct {
	label, message         string
	labelText, messageText int // widths of the texts
	left, width            int // of the left part, of the whole
	bar                    int // length of the green line, 0 for none
}

func layoutOf(f Face, label string) layout {
	l := layout{label: label, message: f.message()}
	l.labelText, l.messageText = textWidth(l.label), textWidth(l.message)
	l.left = l.labelText + 2*padding
	l.width = l.left + l.messageText + 2*padding
	if f.Kind == Partial {
		// A partial badge holds green in any case (locknex.md, Badges), and its line
		// tells how much of the links is there.
		l.bar = max(barLeast, (l.width-l.left)*f.Good/max(f.Total, 1))
	}
	return l
}
