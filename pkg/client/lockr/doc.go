// Package lockr is the Go client of the Lockr file API (/api/v1).
//
// [Client.Upload] sends a file in a session that survives broken connections,
// busy servers and, with [UploadOptions.Save], the end of the process.
// [Client.Download] goes on where an earlier run broke off, and compares what
// came with the file's SHA-256. Without a token the client is a guest, who may
// upload and download, and no more.
//
// Errors that the server answered are [*Error]; compare them with errors.Is
// and a [Code]:
//
//	if errors.Is(err, lockr.ErrNotFound) { … }
//
// The package imports the standard library only, and what it shares with the
// other clients, which does the same.
package lockr
