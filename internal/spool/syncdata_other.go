//go:build !linux

package spool

import "os"

func syncData(file *os.File) error { return file.Sync() }
