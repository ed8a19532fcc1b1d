package yetishare

import "net/http"

// Windows into the package for the fuzz tests.

// ReadParams is readParams.
func ReadParams(r *http.Request) (map[string]string, error) { return readParams(r) }

// Number is number.
func Number(text string) (int64, bool) { return number(text) }

// Decimal is decimal.
func Decimal(n int64) string { return decimal(n) }
