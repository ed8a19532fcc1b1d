// Package yetishare is the API of file hosting, below /api/v2: README.md says what
// it follows and where it decides by itself.
package yetishare
