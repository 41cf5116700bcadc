package main

import (
	"fmt"
	"syscall"
)

// mount makes dir a small disk, in memory.
func mount(dir string, bytes int) error {
	return syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", bytes))
}

func unmount(dir string) {
	_ = syscall.Unmount(dir, syscall.MNT_DETACH) // it is in memory alone
}
