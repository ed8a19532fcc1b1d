// Package lockwell is the native object API under /api/v1: README.md says what
// it follows and where it decides by itself.
package lockwell
