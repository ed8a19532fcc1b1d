package client

// What tests look at inside.
var (
	LinesOf     = linesOf
	ContainerID = containerID
)
