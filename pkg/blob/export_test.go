package blob

import "encoding/json"

// RecordSubject is where a segment's record stands.
func RecordSubject(store string, id SegmentID) string { return recordSubject(store, string(id)) }

// WithSeqs gives a record with other sequences of its chunks.
func WithSeqs(raw []byte, seqs []uint64) ([]byte, error) {
	var o objectInfo
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, err
	}
	o.Metadata[metaSeqs] = encodeSeqs(seqs)
	return json.Marshal(o)
}
