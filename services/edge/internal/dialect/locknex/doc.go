// Package locknex is the API of link containers, below /api/v1/container and
// /api/v1/public, and their badges: README.md says what it follows and where it
// decides by itself.
package locknex
