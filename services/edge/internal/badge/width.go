package badge

import (
	"unicode"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// Advances of Verdana at 11 pixels, in hundredths of a pixel, from ' ' to '~'.
var verdana = [...]int{
	387, 433, 505, 900, 699, 1184, 799, 295, 500, 500, 699, 900, 400, 500, 400, 500,
	699, 699, 699, 699, 699, 699, 699, 699, 699, 699, 500, 500, 900, 900, 900, 600,
	1100, 752, 754, 768, 848, 696, 632, 853, 827, 463, 500, 762, 612, 927, 823, 866,
	663, 866, 765, 752, 678, 805, 752, 1088, 754, 677, 754, 500, 500, 500, 900, 699,
	699, 661, 685, 573, 685, 655, 387, 685, 696, 302, 379, 651, 302, 1070, 696, 668,
	685, 685, 469, 573, 433, 696, 651, 900, 651, 651, 578, 698, 500, 698, 900,
}

// Of other characters only classes are known; the texts are stretched to what
// was reckoned, so that a small error does not show.
const (
	upperAdvance = 790
	otherAdvance = 680
	wideAdvance  = 1100
)

// textWidth is the width that a text is given, pixels: its advance, rounded down
// and made odd (field-facts.md, 9), which keeps centred text on whole pixels.
func textWidth(s string) int {
	sum := 0
	for _, r := range norm.NFD.String(s) {
		sum += advance(r)
	}
	return max(1, sum/100) | 1
}

func advance(r rune) int {
	switch {
	case r >= ' ' && int(r-' ') < len(verdana):
		return verdana[r-' ']
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r == '…':
		return 900
	case unicode.IsUpper(r):
		return upperAdvance
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return wideAdvance
	}
	return otherAdvance
}
