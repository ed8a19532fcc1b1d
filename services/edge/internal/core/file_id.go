package core

import (
	"strings"
	"unicode/utf8"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// Bounds of a file's public id and of names, in bytes.
const (
	maxFileName   = 255 // of a node
	maxNameInID   = 80
	maxExtension  = 16
	maxRegion     = 64
	minNodeID     = 10
	maxNodeID     = 64
	fallbackName  = "file"
	separatorOfID = "_"
)

// FileID is a file's public id, REGION_NODEID_NAME (lockr.md, Uploads). Only
// the node id says which file it is.
type FileID struct{ Region, NodeID, Name string }

// FileIDOf gives the public id of a file of the drive as it is named now.
func FileIDOf(f objectv1.File) FileID {
	return FileID{Region: f.Region, NodeID: f.NodeID, Name: idName(f.Name)}
}

// String is the id as it stands in URLs: of letters, digits, '.', '-' and '_' only.
func (id FileID) String() string {
	return id.Region + separatorOfID + id.NodeID + separatorOfID + id.Name
}

// ParseFileID reads a public id from the left, by its first two underscores.
// What does not have its form is no file's: objectv1.ErrNodeNotFound.
func ParseFileID(s string) (FileID, error) {
	region, rest, ok := strings.Cut(s, separatorOfID)
	node, name, named := strings.Cut(rest, separatorOfID)
	if !ok || !named || !within(region, maxRegion, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ||
		!within(node, maxNodeID, "abcdefghijklmnopqrstuvwxyz0123456789") || len(node) < minNodeID ||
		!within(name, maxFileName, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") {
		return FileID{}, ErrNoFile
	}
	return FileID{Region: region, NodeID: node, Name: name}, nil
}

// ErrNoFile is what is said of a file that is not there, or not the caller's.
var ErrNoFile = objectv1.ErrNodeNotFound.Msgf("there is no such file")

func within(s string, most int, alphabet string) bool {
	return s != "" && len(s) <= most && strings.Trim(s, alphabet) == ""
}

// idName makes of a name what can stand in a URL unescaped and is no path: runs
// of other characters become one dash. It is never empty.
func idName(name string) string {
	stem, ext := name, ""
	if at := strings.LastIndexByte(name, '.'); at > 0 {
		stem, ext = name[:at], slug(name[at+1:])
	}
	if len(ext) > maxExtension {
		stem, ext = name, ""
	}
	stem = slug(stem)
	room := maxNameInID
	if ext != "" {
		ext = "." + ext
		room -= len(ext)
	}
	if len(stem) > room {
		stem = strings.TrimRight(stem[:room], ".-")
	}
	if stem == "" {
		stem = fallbackName
	}
	return stem + ext
}

func slug(s string) string {
	var b strings.Builder
	gap := false
	for _, c := range s {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_':
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(c)
		default:
			gap = true
		}
	}
	return strings.Trim(b.String(), ".-")
}

// CleanFileName makes of what a client calls a file the name of a node: the last
// segment of a path, without control characters and marks that turn the
// direction of text round, 255 bytes at most with the extension kept. Nothing
// left gives "file". ok is false for bytes that are not UTF-8.
func CleanFileName(name string) (clean string, ok bool) {
	if !utf8.ValidString(name) {
		return "", false
	}
	name = strings.TrimRight(name, "/")
	name = name[strings.LastIndexByte(name, '/')+1:]
	name = strings.TrimSpace(strings.Map(func(c rune) rune {
		switch {
		case c < ' ', c >= 0x7f && c < 0xa0, c == '\u2028', c == '\u2029', c >= '\u202a' && c <= '\u202e', c >= '\u2066' && c <= '\u2069':
			return -1
		}
		return c
	}, name))
	if name == "" || name == "." || name == ".." {
		return fallbackName, true
	}
	return shorten(name), true
}

// shorten cuts a name to maxFileName bytes between characters, before its extension.
func shorten(name string) string {
	if len(name) <= maxFileName {
		return name
	}
	ext := ""
	if at := strings.LastIndexByte(name, '.'); at > 0 && len(name)-at <= maxExtension {
		ext = name[at:]
	}
	stem := name[:maxFileName-len(ext)]
	for !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	return strings.TrimRight(stem, " ") + ext
}
