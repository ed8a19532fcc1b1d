// Package badge draws what a container's links are worth as a picture (locknex.md,
// Badges) and keeps what it needs for that in memory: the states of containers that
// were asked for, kept true by a watch of linkchecker's bucket, and pictures.
package badge
