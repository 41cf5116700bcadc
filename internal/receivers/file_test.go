package receivers

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestSaveAndLoad(t *testing.T) {
	suspended := receiver("b", 2, "token-b", "token-c")
	suspended.Suspended, suspended.PerSecond, suspended.Burst = true, 500, 200000
	tests := map[string][]Receiver{
		"no receiver":                          {},
		"one receiver":                         {receiver("a", 1, "token-a")},
		"a receiver without a token":           {receiver("a", 1)},
		"several, with all that they may have": {receiver("a", 1, "token-a"), suspended},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			save(t, dir, want)
			got, ok, err := Load(dir)
			if err != nil || !ok {
				t.Fatalf("Load: ok = %t, error = %v", ok, err)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Receiver{})); diff != "" {
				t.Errorf("what is loaded is not what was saved (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadedReceiversAreFound(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, []Receiver{receiver("young", 1, "shared"), receiver("old", 2, "shared")})
	all, _, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	d := &Directory{}
	d.Replace(all, false)
	found, ok := d.Lookup(sum("shared"))
	if !ok || found.Key() != "sims/old" {
		t.Fatalf("found %v, want sims/old", found)
	}
	if found.Reserve(start()) != 0 || found.Reserve(start()) == 0 {
		t.Error("the rate limit does not hold as before")
	}
}

func TestSaveReplacesTheFile(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, []Receiver{receiver("a", 1, "token-a"), receiver("b", 1, "token-b")})
	save(t, dir, []Receiver{receiver("c", 1, "token-c")})
	all, _, err := Load(dir)
	if err != nil || len(all) != 1 || all[0].Name != "c" {
		t.Errorf("Load = %v, %v; want only sims/c", all, err)
	}
	if diff := cmp.Diff([]string{fileName}, namesIn(t, dir)); diff != "" {
		t.Errorf("unexpected files (-want +got):\n%s", diff)
	}
}

func TestOthersCannotReadTheFile(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, []Receiver{receiver("a", 1, "token-a")})
	info, err := os.Stat(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %s", info.Mode())
	}
}

func TestSaveFails(t *testing.T) {
	tests := map[string]struct {
		prepare func(t *testing.T, dir string) string
		leaves  []string
	}{
		"where there is no directory": {
			prepare: func(_ *testing.T, dir string) string { return filepath.Join(dir, "none") },
		},
		"where a directory has the file's name, and leaves nothing behind": {
			prepare: func(t *testing.T, dir string) string {
				if err := os.Mkdir(filepath.Join(dir, fileName), 0o700); err != nil {
					t.Fatal(err)
				}
				return dir
			},
			leaves: []string{fileName},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var pathError *fs.PathError
			var linkError *os.LinkError
			if err := Save(test.prepare(t, dir), nil); !errors.As(err, &pathError) && !errors.As(err, &linkError) {
				t.Errorf("Save = %v, want the system's error", err)
			}
			if diff := cmp.Diff(test.leaves, namesIn(t, dir)); diff != "" {
				t.Errorf("unexpected files (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadWithoutAFile(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{"an empty directory": dir, "no directory": filepath.Join(dir, "none")} {
		t.Run(name, func(t *testing.T) {
			if all, ok, err := Load(path); all != nil || ok || err != nil {
				t.Errorf("Load = %v, %t, %v; want nothing and no error", all, ok, err)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	tests := map[string]string{
		"an empty file":                   ``,
		"zeros, as after a power loss":    "\x00\x00\x00\x00\x00\x00\x00\x00",
		"a file that ends early":          `{"version":1,"receivers":[{"namespace":"si`,
		"a file with more after it":       `{"version":1,"receivers":[]}{"version":1,"receivers":[]}`,
		"another document":                `[]`,
		"another type of a field":         `{"version":1,"receivers":[{"namespace":"sims","name":7}]}`,
		"a time that is none":             `{"version":1,"receivers":[{"createdAt":"yesterday"}]}`,
		"a number that is too large":      `{"version":1,"receivers":[{"burst":2147483648}]}`,
		"the next version":                `{"version":2,"receivers":[]}`,
		"the next version, with receiver": `{"version":2,"receivers":[{"namespace":"sims","name":"a"}]}`,
		"no version":                      `{"receivers":[]}`,
		"null":                            `null`,
	}
	for name, content := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, fileName)
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if all, ok, err := Load(dir); all != nil || ok || err == nil {
				t.Errorf("Load = %v, %t, %v; want an error", all, ok, err)
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != content {
				t.Errorf("the file was not left as it is: %q, %v", after, err)
			}
			save(t, dir, []Receiver{receiver("a", 1)})
			if _, ok, err := Load(dir); !ok || err != nil {
				t.Errorf("after it was saved again: Load = %t, %v", ok, err)
			}
		})
	}
}

func TestLoadOfADirectoryIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, fileName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := Load(dir); ok || err == nil {
		t.Errorf("Load = %t, %v; want an error", ok, err)
	}
}

func save(t *testing.T, dir string, all []Receiver) {
	t.Helper()
	if err := Save(dir, all); err != nil {
		t.Fatal(err)
	}
}

func namesIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
