package web

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

// metalink is a document of Metalink 4 (RFC 5854).
type metalink struct {
	XMLName   xml.Name       `xml:"urn:ietf:params:xml:ns:metalink metalink"`
	Generator string         `xml:"generator"`
	Files     []metalinkFile `xml:"file"`
}

type metalinkFile struct {
	Name string        `xml:"name,attr"`
	Size int64         `xml:"size,omitempty"`
	URLs []metalinkURL `xml:"url"`
}

type metalinkURL struct {
	Priority int    `xml:"priority,attr"`
	URL      string `xml:",chardata"`
}

// metalinkOf makes a file of each link. Its backups, and the links of other
// mirrors that are of the same name and size, are further places of that file.
func metalinkOf(links []linksv1.Link, generator string) ([]byte, error) {
	doc := metalink{Generator: generator}
	type known struct {
		name string
		size int64
	}
	at := map[known]int{}
	mirrors := map[int]map[int]bool{} // by file
	names := map[string]int{}
	last := -1
	for _, l := range links {
		id := known{l.Name, l.Size}
		switch i, ok := at[id]; {
		case l.Backup && last >= 0:
		case ok && l.Name != "" && l.Size > 0 && !mirrors[i][l.Mirror]:
			last = i
		default:
			last = len(doc.Files)
			doc.Files = append(doc.Files, metalinkFile{Name: unique(names, fileName(l)), Size: l.Size})
			at[id], mirrors[last] = last, map[int]bool{}
		}
		mirrors[last][l.Mirror] = true
		f := &doc.Files[last]
		f.URLs = append(f.URLs, metalinkURL{Priority: len(f.URLs) + 1, URL: l.URL})
	}
	b, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing a Metalink: %w", err)
	}
	return append([]byte(xml.Header), append(b, '\n')...), nil
}

// fileName is what a file is called where it is saved: never a path.
func fileName(l linksv1.Link) string {
	name := l.Name
	if name == "" {
		if u, err := url.Parse(l.URL); err == nil {
			name = path.Base(u.Path)
		}
	}
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune(`/\:*?"<>|`, r) || r == utf8.RuneError {
			return '_'
		}
		return r
	}, name)
	if name = strings.Trim(name, " ."); name == "" || strings.Trim(name, "_") == "" {
		return "link-" + strconv.Itoa(l.Index+1)
	}
	return name
}

// unique puts a number on a name that was there before.
func unique(names map[string]int, name string) string {
	key := strings.ToLower(name)
	names[key]++
	n := names[key]
	if n == 1 {
		return name
	}
	ext := path.Ext(name)
	next := strings.TrimSuffix(name, ext) + " (" + strconv.Itoa(n) + ")" + ext
	if names[strings.ToLower(next)] > 0 {
		return unique(names, next)
	}
	names[strings.ToLower(next)]++
	return next
}
