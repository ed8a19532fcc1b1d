package lockwell

// What tests look at inside.
var (
	EscapeKey         = escapeKey
	ParseContentRange = parseContentRange
	CombineCRC64      = combineCRC64
)
