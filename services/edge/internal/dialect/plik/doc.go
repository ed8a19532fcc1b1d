// Package plik speaks Plik's HTTP API (plik.md, plik-wire.md): temporary uploads
// at the root of the listener. It translates and decides nothing that
// internal/core does.
package plik
