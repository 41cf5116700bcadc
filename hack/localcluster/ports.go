package localcluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
)

// loopback is the only address that anything here listens on.
const loopback = "127.0.0.1"

// Ports are looked for in this range: below those that the kernel gives to outgoing connections, or a client that tries
// to reach a server that is being restarted could be given the server's own port and keep it.
const (
	firstPort = 20000
	lastPort  = 29999
	portTries = 200
)

// portWish is a port that is needed: preferred is tried first, and those after it; 0 is any.
type portWish struct {
	name      string
	preferred int
}

// choosePorts finds a free port for each wish. What was chosen the last time is kept in the file at path and chosen
// again where it is still free.
func choosePorts(path string, wishes []portWish) (map[string]int, error) {
	kept, err := readPorts(path)
	if err != nil {
		return nil, err
	}
	chosen := make(map[string]int, len(wishes))
	for _, w := range wishes {
		// The listener stays open until all are chosen, so that no two wishes get the same port.
		listener, err := listen(w, kept[w.name])
		if err != nil {
			return nil, err
		}
		defer listener.Close() //nolint:errcheck // nothing was sent over it
		chosen[w.name] = listener.Addr().(*net.TCPAddr).Port
		kept[w.name] = chosen[w.name]
	}
	content, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("keeping the ports: %w", err)
	}
	return chosen, writeFile(path, append(content, '\n'), 0o644)
}

func readPorts(path string) (map[string]int, error) {
	kept := map[string]int{}
	content, err := os.ReadFile(path) //nolint:gosec // a file of the package's own
	if errors.Is(err, fs.ErrNotExist) {
		return kept, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the ports of the last run: %w", err)
	}
	if err := json.Unmarshal(content, &kept); err != nil {
		return nil, fmt.Errorf("reading the ports of the last run: %w", err)
	}
	return kept, nil
}

// listen takes the kept port, or else the wish's, or else the next free one.
func listen(w portWish, kept int) (net.Listener, error) {
	var candidates []int
	if kept != 0 {
		candidates = append(candidates, kept)
	}
	for i := range portTries {
		if w.preferred != 0 {
			candidates = append(candidates, w.preferred+i)
		} else {
			candidates = append(candidates, firstPort+rand.IntN(lastPort-firstPort+1)) //nolint:gosec // nothing secret
		}
	}
	var err error
	for _, port := range candidates {
		var listener net.Listener
		listener, err = net.Listen("tcp", address(port)) //nolint:noctx // nothing that could take long
		if err == nil {
			return listener, nil
		}
	}
	return nil, fmt.Errorf("finding a free port for %s: %w", w.name, err)
}

func address(port int) string {
	return net.JoinHostPort(loopback, strconv.Itoa(port))
}
