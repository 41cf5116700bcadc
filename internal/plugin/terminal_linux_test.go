package plugin

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// onTerminal runs a command with a terminal as its output, and returns what it wrote there.
func onTerminal(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	primary, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = primary.Close() }()
	if err := unix.IoctlSetPointerInt(int(primary.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(primary.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	var problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = terminal, &problems
	err = cmd.Run()
	_ = terminal.Close()
	said, _ := io.ReadAll(primary) // a terminal whose other end is closed reads as an error
	if err != nil {
		t.Errorf("%v: %s", err, &problems)
	}
	return string(said)
}
