package objectv1

import (
	"time"

	"github.com/sluicehq/sluice/pkg/bus"
)

// The events of object.
var (
	ObjectCreated = bus.EventType[ObjectEvent]{Type: "evt.object.v1.object.created", Source: "/sluice/object"}
	ObjectRemoved = bus.EventType[ObjectEvent]{Type: "evt.object.v1.object.removed", Source: "/sluice/object"}
)

// ObjectEvent is the data of both. Configs holds the ids of the bucket's
// notification configs that match, decided with the change itself, so that a
// config counts from the moment its PUT was answered.
type ObjectEvent struct {
	AccountID    string    `json:"accountId"`
	Username     string    `json:"username,omitempty"`
	KeyID        string    `json:"keyId,omitempty"` // the access key that did it
	BucketID     string    `json:"bucketId"`
	Bucket       string    `json:"bucket"`
	Region       string    `json:"region"`
	Key          string    `json:"key"`
	VersionID    string    `json:"versionId,omitempty"`
	Size         int64     `json:"size,omitempty"`
	ETag         string    `json:"etag,omitempty"` // quotes included
	ContentType  string    `json:"contentType,omitempty"`
	Operation    string    `json:"operation"` // S3's: Put, Copy, CompleteMultipartUpload, Delete, DeleteMarkerCreated
	Sequencer    int64     `json:"sequencer"` // grows per key
	DeleteMarker bool      `json:"deleteMarker,omitempty"`
	Configs      []string  `json:"configs,omitempty"`
	Origin       Origin    `json:"origin"`
	Time         time.Time `json:"time"`
}
