// Package webdav is an account's drive under /dav, for rclone and for what mounts
// network drives: README.md says what it follows and where it decides by itself.
package webdav
