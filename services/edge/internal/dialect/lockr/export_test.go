package lockr

// The parsers of headers, for their fuzz targets.
var (
	ParseMetadata = parseMetadata
	ParseChecksum = parseChecksum
	WithoutKeys   = withoutKeys
)

// ParseContentRange gives first, last and total of a Content-Range; -1 stands
// for what is "*".
func ParseContentRange(v string) (first, last, total int64, ok bool) {
	c, ok := parseContentRange(v)
	return c.first, c.last, c.total, ok
}
