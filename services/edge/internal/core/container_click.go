package core

// View is somebody's look at a container: its page, or a successful unlock
// (locknex.md, Containers: stats); or at a shared file: its page, or its bytes.
type View struct {
	ContainerID string // the alphanumeric one
	FileID      string // the node id, where it is a file
	Source      string // the client's address
	Agent       string // User-Agent
	Referrer    string // Referer as it was sent
	BaseURL     string // ours; a referrer of the same host is left out
	Method      string // HEAD looks at nothing
	Purpose     string // Sec-Purpose or Purpose: a browser that looks ahead looks at nothing either
}

// Clicks is told of views. What of them is a click is decided behind it. It
// never waits, and is safe for concurrent use.
type Clicks interface{ Viewed(v View) }

// Viewed tells of a view.
func (c *Core) Viewed(v View) {
	if c.Clicks != nil {
		c.Clicks.Viewed(v)
	}
}
