//go:build !linux

package localcluster

import "syscall"

// childAttributes keep a child out of the terminal's foreground group, so that Ctrl-C reaches the supervisor alone and
// it can stop its children in order. There is nothing here that kills a child when the supervisor is killed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
