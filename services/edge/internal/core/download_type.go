package core

import (
	"mime"
	"strings"
	"unicode/utf8"
)

// Preview says how a browser may show a content without harm: Kind is image,
// audio, video, pdf or text, and "" where it may not; Type is what the content
// is then served as.
type Preview struct{ Kind, Type string }

// previews are the types that a browser shows without running anything of them.
var previews = map[string]string{
	"image/png": "image", "image/jpeg": "image", "image/gif": "image", "image/webp": "image", "image/avif": "image", "image/bmp": "image",
	"audio/mpeg": "audio", "audio/mp4": "audio", "audio/aac": "audio", "audio/ogg": "audio", "audio/opus": "audio", "audio/flac": "audio",
	"audio/x-flac": "audio", "audio/wav": "audio", "audio/x-wav": "audio", "audio/webm": "audio", "audio/x-m4a": "audio",
	"video/mp4": "video", "video/webm": "video", "video/ogg": "video", "video/quicktime": "video",
	"application/pdf": "pdf",
}

// PreviewOf decides by the type that a file was stored with.
func PreviewOf(contentType string) Preview {
	typ, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return Preview{}
	}
	if kind := previews[typ]; kind != "" {
		return Preview{Kind: kind, Type: typ}
	}
	switch typ {
	case "text/plain", "text/csv", "text/markdown", "application/json":
		return Preview{Kind: "text", Type: "text/plain; charset=utf-8"}
	}
	return Preview{}
}

// servedType is the stored type, or the one of any bytes where it makes no sense.
func servedType(contentType string) string {
	if _, _, err := mime.ParseMediaType(contentType); err != nil {
		return "application/octet-stream"
	}
	return contentType
}

// Disposition is a Content-Disposition with a file's name (RFC 6266): in ASCII
// for everybody, and exactly for those who know RFC 8187.
func Disposition(kind, name string) string {
	var plain, exact strings.Builder
	ascii := true
	for _, c := range name {
		if c < ' ' || c > '~' || c == '"' || c == '\\' || c == '%' {
			ascii = false
			plain.WriteByte('_')
		} else {
			plain.WriteRune(c)
		}
	}
	out := kind + `; filename="` + plain.String() + `"`
	if ascii {
		return out
	}
	for _, b := range []byte(strings.ToValidUTF8(name, string(utf8.RuneError))) {
		if b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("!#$&+-.^_`|~", b) >= 0 {
			exact.WriteByte(b)
			continue
		}
		const digits = "0123456789ABCDEF"
		exact.WriteByte('%')
		exact.WriteByte(digits[b>>4])
		exact.WriteByte(digits[b&15])
	}
	return out + "; filename*=UTF-8''" + exact.String()
}
