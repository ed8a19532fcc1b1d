package lockr

import "encoding/json"

// The parsers of headers, for their fuzz targets.
var (
	ParseMetadata = parseMetadata
	ParseChecksum = parseChecksum
	WithoutKeys   = withoutKeys
	FileName      = fileName
	ContentType   = contentType
	LinkOf        = linkOf
)

// KeyHash reads the key of a JSON body.
func KeyHash(body string) (string, error) {
	var k keyWish
	if err := json.Unmarshal([]byte(body), &k); err != nil {
		return "", err
	}
	return k.hash()
}

// ParseContentRange gives first, last and total of a Content-Range; -1 stands
// for what is "*".
func ParseContentRange(v string) (first, last, total int64, ok bool) {
	c, ok := parseContentRange(v)
	return c.first, c.last, c.total, ok
}
