package lockwell

import (
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
)

// wireNewUpload is the body that may say in JSON what the headers of a PUT say.
type wireNewUpload struct {
	ContentType        string `json:"contentType"`
	CacheControl       string `json:"cacheControl"`
	ContentDisposition string `json:"contentDisposition"`
	ContentEncoding    string `json:"contentEncoding"`
	Metadata           texts  `json:"metadata"`
	Tags               texts  `json:"tags"`
}

type wireCreatedUpload struct {
	UploadID string `json:"uploadId"`
	Bucket   string `json:"bucket"`
	Key      string `json:"key"`
}

type wirePart struct {
	PartNumber int    `json:"partNumber"`
	ETag       string `json:"etag"`
	Size       int64  `json:"size"`
}

type wireListedPart struct {
	wirePart
	LastModified instant           `json:"lastModified"`
	Checksums    map[string]string `json:"checksums"`
}

type wireParts struct {
	Parts                []wireListedPart `json:"parts"`
	IsTruncated          bool             `json:"isTruncated"`
	NextPartNumberMarker int              `json:"nextPartNumberMarker,omitempty"`
}

// wireCompletedPart is a part as the client saw it. Size is not looked at: it is
// there so that the answers to parts can be sent back as they came.
type wireCompletedPart struct {
	PartNumber int    `json:"partNumber"`
	ETag       string `json:"etag"`
	Size       int64  `json:"size"`
}

type wireComplete struct {
	Parts []wireCompletedPart `json:"parts"`
}

type wireUpload struct {
	Key         string  `json:"key"`
	UploadID    string  `json:"uploadId"`
	InitiatedAt instant `json:"initiatedAt"`
}

type wireUploads struct {
	Uploads            []wireUpload `json:"uploads"`
	IsTruncated        bool         `json:"isTruncated"`
	NextKeyMarker      string       `json:"nextKeyMarker,omitempty"`
	NextUploadIDMarker string       `json:"nextUploadIdMarker,omitempty"`
}

func partToWire(p uploadv1.Part) wirePart {
	return wirePart{PartNumber: p.Number, ETag: p.ETag, Size: p.Size}
}

func partsToWire(l uploadv1.ListPartsResponse) wireParts {
	out := wireParts{Parts: make([]wireListedPart, len(l.Parts)), IsTruncated: l.More}
	for i, p := range l.Parts {
		out.Parts[i] = wireListedPart{wirePart: partToWire(p), LastModified: instant(p.At), Checksums: checksums(p.Digests)}
	}
	if l.More && len(l.Parts) > 0 {
		out.NextPartNumberMarker = l.Parts[len(l.Parts)-1].Number
	}
	return out
}

func uploadsToWire(l uploadv1.ListMultipartsResponse) wireUploads {
	out := wireUploads{Uploads: make([]wireUpload, len(l.Uploads)), IsTruncated: l.More}
	for i, u := range l.Uploads {
		out.Uploads[i] = wireUpload{Key: u.Key, UploadID: u.UploadID, InitiatedAt: instant(u.InitiatedAt)}
	}
	if n := len(l.Uploads); l.More && n > 0 {
		out.NextKeyMarker, out.NextUploadIDMarker = l.Uploads[n-1].Key, l.Uploads[n-1].UploadID
	}
	return out
}
