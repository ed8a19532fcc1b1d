package lockr

import (
	"crypto/md5"  //nolint:gosec // a checksum that clients send, not a signature
	"crypto/sha1" //nolint:gosec // tus makes it mandatory; as above
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"net/http"
	"strings"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// The headers of tus 1.0.0.
const (
	headerTusResumable   = "Tus-Resumable"
	headerUploadOffset   = "Upload-Offset"
	headerUploadLength   = "Upload-Length"
	headerUploadDefer    = "Upload-Defer-Length"
	headerUploadMetadata = "Upload-Metadata"
	headerUploadChecksum = "Upload-Checksum"
	headerUploadExpires  = "Upload-Expires"
)

const (
	tusVersions   = "1.0.0"
	tusExtensions = "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination"
	tusAlgorithms = "sha1,sha256,md5,crc32"
	tusType       = "application/offset+octet-stream"
	maxMetadata   = 6 << 10 // bytes of Upload-Metadata; it is kept in the session
)

// The refusals of tus.
var (
	errTusVersion = fault.New(fault.Precondition, "edge.tus_version", "this server speaks tus 1.0.0: send Tus-Resumable: 1.0.0")
	errTusType    = fault.New(fault.Invalid, "edge.unsupported_media_type", "the Content-Type must be "+tusType)
)

// tusVersion reports whether a request speaks tus, and refuses versions of it
// that we do not; must says that it can be nothing else.
func tusVersion(w http.ResponseWriter, r *http.Request, must bool) (bool, error) {
	values := r.Header.Values(headerTusResumable)
	if len(values) == 0 && !must {
		return false, nil
	}
	w.Header().Set(headerTusResumable, tusVersions)
	if len(values) != 1 || strings.TrimSpace(values[0]) != tusVersions {
		w.Header().Set("Tus-Version", tusVersions)
		return false, errTusVersion
	}
	return true, nil
}

// tusCount reads a header with a number of bytes.
func tusCount(h http.Header, name string) (n int64, there bool, err error) {
	if len(h.Values(name)) == 0 {
		return -1, false, nil
	}
	v, err := once(h, name)
	if err != nil {
		return -1, false, err
	}
	n, ok := count(v)
	if !ok {
		return -1, false, fault.ErrInvalid.Msgf("%s must be a number of bytes", name)
	}
	return n, true, nil
}

// tusLength reads the length of a new upload: -1 where it comes later.
func tusLength(h http.Header) (int64, error) {
	n, there, err := tusCount(h, headerUploadLength)
	if err != nil {
		return -1, err
	}
	later, err := once(h, headerUploadDefer)
	switch {
	case err != nil:
		return -1, err
	case later != "" && later != "1":
		return -1, fault.ErrInvalid.Msgf("%s can only be 1", headerUploadDefer)
	case there == (later != ""):
		return -1, fault.ErrInvalid.Msgf("give %s, or %s: 1", headerUploadLength, headerUploadDefer)
	}
	return n, nil
}

// parseMetadata reads Upload-Metadata: keys, each once, with base64 values that
// may be missing.
func parseMetadata(v string) (map[string]string, error) {
	out := map[string]string{}
	if len(v) > maxMetadata {
		return nil, fault.ErrInvalid.Msgf("%s has %d bytes at most", headerUploadMetadata, maxMetadata)
	}
	if strings.TrimSpace(v) == "" {
		return out, nil
	}
	for pair := range strings.SplitSeq(v, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(pair), " ")
		if key == "" || strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return nil, fault.ErrInvalid.Msgf("%s: keys are visible ASCII", headerUploadMetadata)
		}
		if _, twice := out[key]; twice {
			return nil, fault.ErrInvalid.Msgf("%s names %.64q twice", headerUploadMetadata, key)
		}
		plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
		if err != nil {
			return nil, fault.ErrInvalid.Msgf("%s: the value of %.64q is not base64", headerUploadMetadata, key)
		}
		out[key] = string(plain)
	}
	return out, nil
}

// parseChecksum reads Upload-Checksum, an algorithm and a base64 digest.
func parseChecksum(v string) (*transfer.Check, error) {
	name, sum, _ := strings.Cut(strings.TrimSpace(v), " ")
	var h hash.Hash
	switch name {
	case "sha1":
		h = sha1.New() //nolint:gosec // see above
	case "sha256":
		h = sha256.New()
	case "md5":
		h = md5.New() //nolint:gosec // see above
	case "crc32":
		h = crc32.NewIEEE()
	default:
		return nil, fault.ErrInvalid.Msgf("%s: the algorithms are %s", headerUploadChecksum, tusAlgorithms)
	}
	want, err := base64.StdEncoding.DecodeString(strings.TrimSpace(sum))
	if err != nil || len(want) != h.Size() {
		return nil, fault.ErrInvalid.Msgf("%s: the digest of %s is %d bytes in base64", headerUploadChecksum, name, h.Size())
	}
	return &transfer.Check{Hash: h, Want: want}, nil
}

// checksumOf reads the header; nil where it is missing.
func checksumOf(h http.Header) (*transfer.Check, error) {
	if len(h.Values(headerUploadChecksum)) == 0 {
		return nil, nil //nolint:nilnil // nothing is wanted
	}
	v, err := once(h, headerUploadChecksum)
	if err != nil {
		return nil, err
	}
	return parseChecksum(v)
}
