// Package lockr is an account's file storage under /api/v1: README.md says what
// it follows and where it decides by itself.
package lockr
