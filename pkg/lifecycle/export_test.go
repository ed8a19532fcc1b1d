package lifecycle

// RunUntil is Main with the signals given.
var RunUntil = runUntil
