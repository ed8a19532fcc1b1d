// Package openapi holds the documents of the dialects. What a dialect serves is
// these bytes.
package openapi

import _ "embed"

//go:embed lockwell.json
var lockwell []byte

//go:embed lockr.json
var lockr []byte

//go:embed locknex.json
var locknex []byte

//go:embed plik.json
var plik []byte

//go:embed yetishare.json
var yetishare []byte

// Lockwell returns the OpenAPI 3.1 document of the lockwell dialect; not to be changed.
func Lockwell() []byte { return lockwell }

// Lockr returns the OpenAPI 3.1 document of the lockr dialect; not to be changed.
func Lockr() []byte { return lockr }

// Locknex returns the OpenAPI 3.1 document of the locknex dialect; not to be changed.
func Locknex() []byte { return locknex }

// Plik returns the OpenAPI 3.1 document of the plik dialect; not to be changed.
func Plik() []byte { return plik }

// Yetishare returns the OpenAPI 3.1 document of the yetishare dialect; not to be
// changed.
func Yetishare() []byte { return yetishare }
