package objectv1

import "github.com/oklog/ulid/v2"

// NewVersionID gives an id for a version that a caller names beforehand. Ids
// follow the time at which they were made.
func NewVersionID() string { return ulid.Make().String() }

// NewContentID gives an id for a content that a caller stages.
func NewContentID() string { return ulid.Make().String() }
