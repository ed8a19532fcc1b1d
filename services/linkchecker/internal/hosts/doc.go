// Package hosts knows how the hosts of links say that a file is there, or gone
// (locknex.md, Link checker). What it knows is data: hosts.yaml, or a file of the
// operator's in its form. A host more is an entry there.
//
// A link counts as online or offline by positive evidence only. Whatever is not
// clear is unknown: a refusal, a captcha, a host in trouble.
package hosts
