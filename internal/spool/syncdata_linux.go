package spool

import (
	"os"
	"syscall"
)

// syncData is an fsync without the times of the file, which nobody reads.
func syncData(file *os.File) error {
	for {
		if err := syscall.Fdatasync(int(file.Fd())); err != syscall.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
