package blob

// SegmentID identifies a segment inside one key domain and region: the hex of
// HMAC-SHA-256(hash key of the domain, BLAKE3 of the segment's plain bytes).
type SegmentID string

// SegmentRef is one segment of a content, in order.
type SegmentRef struct {
	ID     SegmentID `json:"i" bson:"i"`
	Len    int64     `json:"n" bson:"n"` // plain bytes
	Domain string    `json:"d" bson:"d"` // key domain whose keys open it
	Store  string    `json:"s" bson:"s"` // object store (JetStream bucket) that holds it
	Token  string    `json:"t" bson:"t"` // NUID of the chunks' subject
	Chunks int       `json:"c" bson:"c"` // 1: read by last-for-subject; more: sequences stand in the segment's record
	Stored int64     `json:"z" bson:"z"` // bytes after compression and sealing
}

// Manifest says where the bytes of one content are. It is immutable. Segments
// are inline while that stays small; a longer list is itself stored as segments
// (Indirect), which Store.Segments resolves.
type Manifest struct {
	Size     int64        `json:"size" bson:"size"` // plain bytes of the content
	Region   string       `json:"region" bson:"region"`
	Domain   string       `json:"domain" bson:"domain"`
	Segments []SegmentRef `json:"segments,omitempty" bson:"segments,omitempty"`
	Indirect []SegmentRef `json:"indirect,omitempty" bson:"indirect,omitempty"` // segments that hold the encoded list
	Stored   int64        `json:"stored" bson:"stored"`                         // bytes as stored, before dedup
}

// MaxInlineManifest is the encoded size, in bytes, above which the segment list
// goes into segments of its own.
const MaxInlineManifest = 64 << 10

// Algorithm names a digest that a Writer can compute. The names are those of
// X-Lockwell-Checksum-* in lower case.
type Algorithm string

// The algorithms. SHA256 and CRC64NVME are computed for every content.
const (
	SHA256    Algorithm = "sha256"
	CRC64NVME Algorithm = "crc64nvme"
	SHA1      Algorithm = "sha1"
	CRC32     Algorithm = "crc32"
	CRC32C    Algorithm = "crc32c"
	MD5       Algorithm = "md5"
)
