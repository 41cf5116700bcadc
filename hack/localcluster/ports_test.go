package localcluster

import (
	"maps"
	"net"
	"path/filepath"
	"testing"
)

func TestPortsAreKeptUnlessTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ports.json")
	wishes := []portWish{{name: "a"}, {name: "b"}}
	choose := func() map[string]int {
		t.Helper()
		ports, err := choosePorts(path, wishes)
		if err != nil {
			t.Fatal(err)
		}
		return ports
	}
	first := choose()
	if first["a"] == first["b"] {
		t.Fatalf("both got %d", first["a"])
	}
	if second := choose(); !maps.Equal(first, second) {
		t.Errorf("second time %v, want %v", second, first)
	}
	taken, err := net.Listen("tcp", address(first["a"]))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // nothing was sent over it
	third := choose()
	if third["a"] == first["a"] || third["b"] != first["b"] {
		t.Errorf("with a's port taken %v, after %v", third, first)
	}
}

func TestPortsTakeThePreferredOneOrTheNext(t *testing.T) {
	taken, err := net.Listen("tcp", address(0))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // nothing was sent over it
	preferred := taken.Addr().(*net.TCPAddr).Port
	ports, err := choosePorts(filepath.Join(t.TempDir(), "ports.json"), []portWish{{"a", preferred}})
	if err != nil {
		t.Fatal(err)
	}
	if got := ports["a"]; got <= preferred || got > preferred+portTries {
		t.Errorf("port %d where %d is taken", got, preferred)
	}
}
