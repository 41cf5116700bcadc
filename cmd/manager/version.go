package main

import (
	"fmt"
	"runtime/debug"
)

// version is set by the linker.
var version = "devel"

// versionText is the version and the commit that it was built from.
func versionText() string {
	commit := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				commit = setting.Value
			}
		}
	}
	return fmt.Sprintf("sim-operator %s (commit %s)", version, commit)
}
