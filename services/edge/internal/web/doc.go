// Package web is the pages: the start page, the account and the download page
// (lockr.md, Who and Downloads), and link containers (locknex.md, Pages), as a dialect beside the others. They are
// rendered here, and forms do all but uploading without a script. README.md has
// the decisions. It imports no other dialect.
package web
