package receivers

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

const fileName = "receivers.json"

// file is what stands on disk. Hashes are not secrets, but whoever has them can tell when a token is guessed right.
type file struct {
	Version   int        `json:"version"`
	Receivers []Receiver `json:"receivers"`
}

const fileVersion = 1

// Load reads what Save wrote in dir. A missing file is no error and gives ok = false.
func Load(dir string) (all []Receiver, ok bool, err error) {
	path := filepath.Join(dir, fileName)
	data, err := os.ReadFile(path) //nolint:gosec // the operator's own directory
	if os.IsNotExist(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the known receivers: %w", err)
	}
	var content file
	if err := json.Unmarshal(data, &content); err != nil {
		return nil, false, fmt.Errorf("read the known receivers in %s: %w", path, err)
	}
	if content.Version != fileVersion {
		return nil, false, fmt.Errorf("%s has version %d; this program knows %d", path, content.Version, fileVersion)
	}
	return content.Receivers, true, nil
}

// Save writes the receivers to dir so that a crash leaves the old file or the new one, whole.
func Save(dir string, all []Receiver) error {
	data, err := json.Marshal(file{Version: fileVersion, Receivers: all})
	if err != nil {
		return fmt.Errorf("encode the known receivers: %w", err)
	}
	if err := replaceFile(filepath.Join(dir, fileName), data); err != nil {
		return fmt.Errorf("save the known receivers: %w", err)
	}
	return nil
}

func replaceFile(path string, data []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.Write(data)
	if err == nil {
		err = temporary.Sync()
	}
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // the operator's own directory
	if err != nil {
		return err
	}
	err = dir.Sync()
	if closeErr := dir.Close(); err == nil {
		err = closeErr
	}
	return err
}
