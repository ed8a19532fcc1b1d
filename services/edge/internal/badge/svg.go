package badge

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
)

// svg draws a badge (field-facts.md, 9). Scale makes the picture larger, not what
// is in it.
func svg(f Face, l Look) []byte {
	at := layoutOf(f, l.Label)
	label, message := escape(at.label), escape(at.message)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s: %s"><title>%s: %s</title>`,
		at.width*l.Scale, height*l.Scale, at.width, height, label, message, label, message)
	b.WriteString(`<linearGradient id="s" x2="0" y2="100%"><stop offset="0" stop-color="#bbb" stop-opacity=".1"/><stop offset="1" stop-opacity=".1"/></linearGradient>`)
	fmt.Fprintf(&b, `<clipPath id="r"><rect width="%d" height="%d" rx="%d" fill="#fff"/></clipPath><g clip-path="url(#r)">`, at.width, height, radius)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="%s"/>`, at.left, height, grey.hex())
	fmt.Fprintf(&b, `<rect x="%d" width="%d" height="%d" fill="%s"/>`, at.left, at.width-at.left, height, f.colour().hex())
	if at.bar > 0 {
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`, at.left, height-barLine, at.bar, barLine, green.hex())
	}
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="url(#s)"/></g>`, at.width, height)
	b.WriteString(`<g fill="#fff" text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" text-rendering="geometricPrecision" font-size="110">`)
	text(&b, label, 0, at.labelText)
	text(&b, message, at.left, at.messageText)
	b.WriteString(`</g></svg>`)
	return b.Bytes()
}

// text writes an escaped text and its shadow into the part that begins at x.
func text(b *bytes.Buffer, s string, x, width int) {
	middle := 10*(x+padding) + 5*width
	fmt.Fprintf(b, `<text aria-hidden="true" x="%d" y="%d" fill="#010101" fill-opacity=".3" transform="scale(.1)" textLength="%d">%s</text>`, middle, 10*baseline+10, 10*width, s)
	fmt.Fprintf(b, `<text x="%d" y="%d" transform="scale(.1)" textLength="%d">%s</text>`, middle, 10*baseline, 10*width, s)
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
