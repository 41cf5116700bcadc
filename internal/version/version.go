// Package version says what was built.
package version

import (
	"fmt"
	"runtime/debug"
)

// version and commit are stamped at link time: -X github.com/sim-operator/sim-operator/internal/version.version=...
var (
	version = "dev"
	commit  = ""
)

// Version is the version of this program.
func Version() string { return version }

// Commit is what it was built from; empty where that was not said.
func Commit() string { return commit }

// String is the version, the commit and the Go release of this program.
func String() string {
	info, _ := debug.ReadBuildInfo()
	goVersion := ""
	if info != nil {
		goVersion = info.GoVersion
	}
	if commit == "" {
		return fmt.Sprintf("%s (%s)", version, goVersion)
	}
	return fmt.Sprintf("%s (%s, %s)", version, commit, goVersion)
}
