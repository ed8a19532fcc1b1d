package deploy_test

import "syscall"

// jailed runs a program with dir as its root directory, as the image's user.
func jailed(dir string) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Chroot: dir, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
}
