package lockr

// What tests look at inside.
var (
	Durable   = durable
	DigestOf  = digestOf
	FirstByte = firstByte
)
