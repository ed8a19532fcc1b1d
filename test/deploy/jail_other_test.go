//go:build !linux

package deploy_test

import "syscall"

// jailed is for Linux only, as images are; elsewhere the test does not get here.
func jailed(string) *syscall.SysProcAttr { return nil }
