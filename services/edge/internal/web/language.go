package web

import (
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

// The languages of the pages of containers. What they say stands in the code and
// in the templates in English, and in german.go in German.
const (
	langEnglish = "en"
	langGerman  = "de"
)

// maxLanguages is how much of an Accept-Language is looked at.
const maxLanguages = 16

// languageOf picks German or English by Accept-Language (RFC 9110, 12.5.4):
// the one with the higher weight, the first of equals, else English.
func languageOf(header string) string {
	best, weight := langEnglish, 0.0
	parts := strings.SplitN(header, ",", maxLanguages+1)
	for _, part := range parts[:min(len(parts), maxLanguages)] {
		tag, params, _ := strings.Cut(part, ";")
		primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		if primary == "*" {
			primary = langEnglish
		}
		if primary != langEnglish && primary != langGerman {
			continue
		}
		if q := quality(params); q > weight {
			best, weight = primary, q
		}
	}
	return best
}

// quality reads "q=0.8"; what is no weight is 0.
func quality(params string) float64 {
	name, value, there := strings.Cut(strings.TrimSpace(params), "=")
	if !there {
		if name == "" {
			return 1
		}
		return 0
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || !strings.EqualFold(strings.TrimSpace(name), "q") || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}

// words says things in one language. The zero value speaks English.
type words struct {
	lang   string
	german map[string]string
}

func (h *Handler) wordsFor(r *http.Request) words {
	return words{lang: languageOf(strings.Join(r.Header.Values("Accept-Language"), ",")), german: h.german}
}

// Lang is for the lang attribute.
func (w words) Lang() string {
	if w.lang == "" {
		return langEnglish
	}
	return w.lang
}

// T says an English text in the page's language, with what it has places for.
func (w words) T(text string, args ...any) string {
	if w.lang == langGerman {
		if german, ok := w.german[text]; ok {
			text = german
		}
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// Line is a text to copy.
func (w words) Line(label, text string) line { return line{label, text, w.T("Copy")} }

// Count says a number of things; many has a place for it.
func (w words) Count(n int, one, many string) string {
	if n == 1 {
		return w.T(one)
	}
	return w.T(many, n)
}

// Count64 is Count of what is counted in 64 bits.
func (w words) Count64(n int64, one, many string) string {
	if n == 1 {
		return w.T(one)
	}
	return w.T(many, n)
}

// Bytes writes a size for people.
func (w words) Bytes(n int64) string {
	s := inUnits(n)
	if w.lang == langGerman {
		return strings.NewReplacer(".", ",", "bytes", "Byte", "byte", "Byte").Replace(s)
	}
	return s
}

// When writes a time for people; a script makes it their own.
func (w words) When(t time.Time) template.HTML {
	t = t.UTC()
	form := "2 Jan 2006, 15:04"
	if w.lang == langGerman {
		form = "02.01.2006, 15:04"
	}
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format(form) + ` UTC</time>`) //nolint:gosec // digits and names of months
}

// Day writes a day.
func (w words) Day(t time.Time) string {
	if w.lang == langGerman {
		return t.Format("02.01.2006")
	}
	return t.Format("2 Jan 2006")
}

// About says what is known of a link beside its state.
func (w words) About(l linksv1.Link) string {
	var parts []string
	if l.Size > 0 {
		parts = append(parts, w.Bytes(l.Size))
	}
	if reason := w.Reason(l); reason != "" {
		parts = append(parts, reason)
	}
	return strings.Join(parts, " · ")
}

// Reason says why a link has its status; "" where the status says it all.
func (w words) Reason(l linksv1.Link) string {
	switch l.Reason {
	case "", linksv1.ReasonFound:
		return ""
	case linksv1.ReasonServer, linksv1.ReasonForbidden, linksv1.ReasonGone:
		if l.HTTPStatus > 0 {
			return w.T(reasons()[l.Reason]) + " (" + strconv.Itoa(l.HTTPStatus) + ")"
		}
	}
	return w.T(reasons()[l.Reason])
}

func reasons() map[linksv1.Reason]string {
	return map[linksv1.Reason]string{
		linksv1.ReasonRestricted: "not for everybody", linksv1.ReasonGone: "gone", linksv1.ReasonRemoved: "removed", linksv1.ReasonLegal: "removed for legal reasons",
		linksv1.ReasonForbidden: "the host refuses to tell", linksv1.ReasonLimited: "the host asks for patience", linksv1.ReasonServer: "the host has trouble",
		linksv1.ReasonChallenge: "the host wants to see a person", linksv1.ReasonLogin: "the host wants a log-in", linksv1.ReasonElsewhere: "the host leads elsewhere",
		linksv1.ReasonTimeout: "the host took too long", linksv1.ReasonNameUnknown: "there is no such host", linksv1.ReasonUnreachable: "the host cannot be reached",
		linksv1.ReasonRefused: "the address is not checked", linksv1.ReasonUnclear: "the answer is unclear",
	}
}
