package hosts

import (
	"html"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName bounds a file's name, characters.
const maxName = 255

// text makes what a page writes a name: one line of bounded length.
func text(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, html.UnescapeString(s))
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) > maxName {
		s = string([]rune(s)[:maxName])
	}
	return s
}

// size reads a length as hosts write it: "734003200", "1.5 GB", "700,3 MiB". 0: it
// is none. A unit counts by 1024, as hosts of files do.
func size(s string) int64 {
	s = strings.ToUpper(strings.Join(strings.Fields(html.UnescapeString(s)), ""))
	digits := strings.TrimRightFunc(s, unicode.IsLetter)
	unit := strings.TrimSuffix(strings.TrimSuffix(s[len(digits):], "YTES"), "B")
	factor := 1.0
	switch strings.TrimSuffix(unit, "I") {
	case "":
	case "K":
		factor = 1 << 10
	case "M":
		factor = 1 << 20
	case "G":
		factor = 1 << 30
	case "T":
		factor = 1 << 40
	default:
		return 0
	}
	if strings.Count(digits, ",") == 1 && !strings.Contains(digits, ".") && factor > 1 {
		digits = strings.Replace(digits, ",", ".", 1)
	}
	n, err := strconv.ParseFloat(strings.ReplaceAll(digits, ",", ""), 64)
	if n *= factor; err != nil || n < 0 || n > 1<<53 || math.IsNaN(n) {
		return 0
	}
	return int64(n)
}
