// Package clicks tells stats of views of link containers (locknex.md, Containers):
// who looked, as a hash that changes daily, and where from. Nobody waits for it, and
// it forgets rather than grows.
package clicks
