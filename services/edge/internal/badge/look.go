package badge

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Form is a badge's file format.
type Form uint8

// The forms.
const (
	SVG Form = iota
	WebP
	PNG
)

// FormOf gives the form of a file name's ending, "svg".
func FormOf(ending string) (f Form, ok bool) {
	switch ending {
	case "svg":
		return SVG, true
	case "webp":
		return WebP, true
	case "png":
		return PNG, true
	}
	return 0, false
}

func (f Form) contentType() string {
	switch f {
	case WebP:
		return "image/webp"
	case PNG:
		return "image/png"
	case SVG:
	}
	return "image/svg+xml; charset=utf-8"
}

const (
	defaultLabel = "links"
	maxLabel     = 40 // characters
	maxMarks     = 3  // in a row: more of them climb out of the picture
	maxScale     = 4
)

// Look is how a badge is wanted. Equal looks are equal pictures.
type Look struct {
	Form  Form
	Label string
	Scale int // 1 to 4
}

// Plain is the look that nobody chose anything of.
func Plain(f Form) Look { return Look{Form: f, Label: defaultLabel, Scale: 1} }

// LookOf reads a query's label and scale. It refuses nothing, since nobody who
// sees a broken picture learns why: a label is cleaned and cut, a scale that is none
// is 1 and a larger one 4.
func LookOf(f Form, query url.Values) Look {
	l := Plain(f)
	if label := cleanLabel(query.Get("label")); label != "" {
		l.Label = label
	}
	if n, err := strconv.Atoi(query.Get("scale")); err == nil && n > 1 {
		l.Scale = min(n, maxScale)
	}
	return l
}

// cleanLabel keeps what a line of text may hold.
func cleanLabel(s string) string {
	// More bytes than the longest label has are not looked at.
	if len(s) > maxLabel*utf8.UTFMax*(1+maxMarks) {
		s = s[:maxLabel*utf8.UTFMax*(1+maxMarks)]
	}
	var b strings.Builder
	chars, marks := 0, 0
	space := false
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marks++; marks > maxMarks || b.Len() == 0 {
				continue
			}
		case !unicode.IsGraphic(r) && r != '\u200D', r >= 0xFFFE && r&0xFFFE == 0xFFFE: // controls, direction marks, what XML cannot hold
			continue
		default:
			marks = 0
			if chars++; chars > maxLabel {
				return b.String() + "…"
			}
		}
		if space {
			b.WriteByte(' ')
			space = false
			chars++
		}
		b.WriteRune(r)
	}
	return b.String()
}
