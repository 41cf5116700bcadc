package localcluster

import "syscall"

// childAttributes keep a child out of the terminal's foreground group, so that Ctrl-C reaches the supervisor alone and
// it can stop its children in order, and have the kernel kill the child when the supervisor dies.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
