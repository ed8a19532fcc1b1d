// Package lockwell is the Go client of the Lockwell object API (/api/v1).
//
// A [Client] exchanges an access key for short-lived tokens by itself, repeats
// what may be repeated when a server is busy or a connection breaks, and
// checks what it reads against the object's checksums. [Client.Put] and
// [Client.Get] stream; [Client.Upload] and [Client.Download] move large objects
// in parallel parts and go on where an earlier run broke off.
//
// Errors that the server answered are [*Error]; compare them with errors.Is
// and a [Code]:
//
//	if errors.Is(err, lockwell.ErrNotFound) { … }
//
// Keys of objects are sent exactly as they are given: "a//b", "../x" and "100%"
// name three objects like any other.
//
// The package imports the standard library only, and what it shares with the
// other clients, which does the same.
package lockwell
