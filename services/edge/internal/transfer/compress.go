package transfer

import "strings"

// Compressible says whether zstd is worth trying on content of a media type:
// everything but what is known to be compressed already.
func Compressible(contentType, contentEncoding string) bool {
	if contentEncoding != "" && contentEncoding != "identity" {
		return false
	}
	t, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	t = strings.TrimSpace(t)
	family, sub, _ := strings.Cut(t, "/")
	switch family {
	case "video", "audio":
		return false
	case "image":
		return sub == "svg+xml" || sub == "bmp" || sub == "tiff" || strings.HasPrefix(sub, "x-portable-")
	}
	for _, packed := range []string{"zip", "gzip", "zstd", "compress", "x-xz", "x-bzip", "x-7z", "rar", "x-brotli", "jar", "apk"} {
		if strings.Contains(sub, packed) && !strings.Contains(sub, "+") {
			return false
		}
	}
	return sub != "epub+zip" && !strings.HasPrefix(sub, "vnd.openxmlformats")
}
