// Package dialect holds what the dialects of the edge share: a route as a row of
// a table, the mux built from the tables, and the fixed list of middlewares
// around it. A dialect is a folder below this one; it translates between its
// documented wire and internal/core and imports neither another dialect nor the
// bus.
package dialect
