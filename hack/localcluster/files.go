package localcluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// writeFile writes a file under another name and renames it, so that nobody reads half of it.
func writeFile(path string, content []byte, mode os.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	defer os.Remove(file.Name()) //nolint:errcheck // gone already when all went well
	_, err = file.Write(content)
	if err := errors.Join(err, file.Chmod(mode), file.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	if err := os.Rename(file.Name(), path); err != nil { //nolint:gosec // the path is the caller's choice
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return nil
}

// openLog opens a log to append to. One that has grown over maxBytes is put aside first, in the place of the one
// before it.
func openLog(path string, maxBytes int64) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxBytes { //nolint:gosec // a path of the supervisor's own
		if err := os.Rename(path, path+".1"); err != nil { //nolint:gosec // as above
			return nil, fmt.Errorf("putting the old log aside: %w", err)
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // a path of the supervisor's own
}

// Tail is the last lines of a file, for an error's message.
func Tail(path string, lines int) string {
	const enough = 64 << 10
	file, err := os.Open(path) //nolint:gosec // to read what it is told is its purpose
	if err != nil {
		return "(" + err.Error() + ")"
	}
	defer file.Close() //nolint:errcheck // only read
	if size, err := file.Seek(0, io.SeekEnd); err == nil {
		_, err = file.Seek(max(size-enough, 0), io.SeekStart)
		if err != nil {
			return "(" + err.Error() + ")"
		}
	}
	content, err := io.ReadAll(file)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	all := strings.Split(string(bytes.TrimSpace(content)), "\n")
	return strings.Join(all[max(len(all)-lines, 0):], "\n")
}
