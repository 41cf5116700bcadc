package ingress

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/sim-operator/sim-operator/internal/testenv"
)

// hooks serves deliveries with a handler that reads the body and answers 200, until the end of the test.
func hooks(t *testing.T, change func(*Options)) (address string) {
	t.Helper()
	o := DefaultOptions()
	o.HooksAddress, o.GracePeriod = freeAddress(t), time.Second
	change(&o)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			w.WriteHeader(http.StatusRequestTimeout)
		}
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- serveHooks(ctx, o, handler, logr.Discard()) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with: %v", err)
		}
	})
	testenv.Eventually(t, func() error {
		connection, err := net.Dial("tcp", o.HooksAddress)
		if err == nil {
			err = connection.Close()
		}
		return err
	})
	return o.HooksAddress
}

func dial(t *testing.T, address, send string) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	if _, err := io.WriteString(connection, send); err != nil {
		t.Fatal(err)
	}
	return connection
}

// answered reads the status of an answer, 0 where the connection is closed without one.
func answered(connection net.Conn) (int, error) {
	if err := connection.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return 0, errors.New("the connection is still open")
	case err != nil:
		return 0, nil //nolint:nilerr // closed, in one way or another
	}
	_ = response.Body.Close()
	return response.StatusCode, nil
}

const (
	whole       = "POST /hooks/x/orders HTTP/1.1\r\nHost: hooks\r\nContent-Length: 2\r\n\r\n{}"
	slowHeaders = "POST /hooks/x/orders HTTP/1.1\r\nHost: ho"
	slowBody    = "POST /hooks/x/orders HTTP/1.1\r\nHost: hooks\r\nContent-Length: 2\r\n\r\n{"
)

// TestSlowCallersAreCutOff: each of many that send no more is let go in time, and meanwhile others are served.
func TestSlowCallersAreCutOff(t *testing.T) {
	address := hooks(t, func(o *Options) {
		o.Door.Limits.ReadHeaderTimeout, o.Door.Limits.ReadTimeout, o.Door.Limits.IdleTimeout = 2*time.Second, 3*time.Second, 2*time.Second
	})
	tests := map[string]struct {
		send string
		want int
	}{
		"nothing":                       {"", 0},
		"slow headers":                  {slowHeaders, 0},
		"a slow body":                   {slowBody, http.StatusRequestTimeout},
		"an endless line":               {"POST /" + strings.Repeat("a", 4000), http.StatusBadRequest},
		"nothing more after a delivery": {whole, http.StatusOK},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var slow []net.Conn
			for range 50 {
				slow = append(slow, dial(t, address, test.send))
			}
			if status, err := answered(dial(t, address, whole)); status != http.StatusOK || err != nil {
				t.Errorf("meanwhile another is answered %d, %v", status, err)
			}
			for _, connection := range slow {
				if status, err := answered(connection); status != test.want || err != nil {
					t.Errorf("answered %d, %v; want %d", status, err, test.want)
				}
				if _, err := io.Copy(io.Discard, connection); err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error("the connection is still open")
				}
			}
		})
	}
}

// TestADripDoesNotHelp: it is the whole request that has to arrive in time, not the next byte.
func TestADripDoesNotHelp(t *testing.T) {
	address := hooks(t, func(o *Options) { o.Door.Limits.ReadHeaderTimeout = 300 * time.Millisecond })
	connection := dial(t, address, slowHeaders)
	started := time.Now()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for time.Since(started) < 20*time.Second {
		<-ticker.C
		if _, err := io.WriteString(connection, "o"); err != nil {
			return
		}
	}
	t.Error("after 20 s it is still let in")
}

func TestHeadersAreBounded(t *testing.T) {
	address := hooks(t, func(o *Options) { o.Door.Limits.HeaderBytes = 8 << 10 })
	for name, test := range map[string]struct {
		headers string
		want    int
	}{
		"many that are small": {strings.Repeat("A: b\r\n", 100), http.StatusOK},
		"one that is huge":    {"A: " + strings.Repeat("b", 16<<10) + "\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"very many":           {strings.Repeat("A: b\r\n", 4000), http.StatusRequestHeaderFieldsTooLarge},
	} {
		request := strings.Replace(whole, "\r\nContent", "\r\n"+test.headers+"Content", 1)
		connection, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		// The server may hang up before it has read all.
		_, _ = io.WriteString(connection, request)
		if status, err := answered(connection); status != test.want || err != nil {
			t.Errorf("%s: answered %d, %v; want %d", name, status, err, test.want)
		}
		_ = connection.Close()
	}
}

// TestSilentConnectionsGiveWay: with as many connections as there may be, new ones get in all the same.
func TestSilentConnectionsGiveWay(t *testing.T) {
	for name, send := range map[string]string{"that never asked": "", "with slow headers": slowHeaders, "that wait for their next request": whole} {
		t.Run(name, func(t *testing.T) { silentGiveWay(t, send, nil) })
		t.Run(name+", over TLS", func(t *testing.T) {
			c := newCertificate(t, t.TempDir(), "first")
			silentGiveWay(t, send, &c)
		})
	}
}

func silentGiveWay(t *testing.T, send string, secured *certificate) {
	t.Helper()
	const most = 8
	address := hooks(t, func(o *Options) {
		o.Door.Limits.Connections = most
		if secured != nil {
			o.TLSCertFile, o.TLSKeyFile = secured.certFile, secured.keyFile
		}
	})
	open := func(send string) net.Conn {
		connection := dial(t, address, "")
		if secured != nil {
			connection = tls.Client(connection, secured.config())
		}
		if _, err := io.WriteString(connection, send); err != nil {
			t.Fatal(err)
		}
		if send == whole {
			if status, err := answered(connection); status != http.StatusOK {
				t.Fatalf("answered %d, %v", status, err)
			}
		}
		return connection
	}
	first := open(send)
	for range 3 * most {
		open(send)
	}
	open(whole)
	// The first is gone, long before it would be for its silence.
	if err := first.SetReadDeadline(time.Now().Add(4 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the first connection is still open: %v", err)
	}
}

// TestBusyConnectionsDoNotGiveWay: where a request is under way on each, a new connection waits.
func TestBusyConnectionsDoNotGiveWay(t *testing.T) {
	const most = 4
	address := hooks(t, func(o *Options) { o.Door.Limits.Connections = most })
	var busy []net.Conn
	for range most {
		connection := dial(t, address, strings.Replace(slowBody, "Host", "Expect: 100-continue\r\nHost", 1))
		// The server asks for the body when the handler reads it.
		if line, err := bufio.NewReaderSize(connection, 16).ReadString('\n'); err != nil || !strings.Contains(line, "100") {
			t.Fatalf("got %q, %v", line, err)
		}
		busy = append(busy, connection)
	}
	waiting := dial(t, address, whole)
	if err := waiting.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := waiting.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the one more is not kept waiting: %v", err)
	}
	if _, err := io.WriteString(busy[0], "}"); err != nil {
		t.Fatal(err)
	}
	if status, err := answered(waiting); status != http.StatusOK {
		t.Errorf("the one that waited is answered %d, %v", status, err)
	}
	for _, connection := range busy[1:] {
		if _, err := io.WriteString(connection, "}"); err != nil {
			t.Fatal(err)
		}
		if status, err := answered(connection); status != http.StatusOK {
			t.Errorf("one that was busy is answered %d, %v", status, err)
		}
	}
}

func TestConnectionsAreForgotten(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	limited := limitConnections(inner, 10)
	server := &http.Server{Handler: http.NotFoundHandler(), ConnState: limited.follow, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(limited) }()
	defer func() { _ = server.Close() }()
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			for range 20 {
				connection, err := net.Dial("tcp", inner.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(connection, "GET / HTTP/1.0\r\n\r\n")
				_, _ = io.Copy(io.Discard, connection)
				_ = connection.Close()
			}
		})
	}
	callers.Wait()
	testenv.Eventually(t, func() error {
		limited.mu.Lock()
		defer limited.mu.Unlock()
		if left := len(limited.open) + limited.fresh.Len() + limited.idle.Len(); left > 0 {
			return fmt.Errorf("%d connections are remembered", left)
		}
		return nil
	})
}

func TestAWaitForRoomEnds(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	limited := limitConnections(inner, 1)
	for range 2 {
		dial(t, inner.Addr().String(), "")
	}
	first, err := limited.Accept()
	if err != nil {
		t.Fatal(err)
	}
	limited.follow(first, http.StateActive)
	ended := make(chan error, 1)
	go func() {
		_, err := limited.Accept()
		ended <- err
	}()
	if err := limited.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// A certificate is one in files, for 127.0.0.1.
type certificate struct {
	certFile, keyFile string
	pool              *x509.CertPool
}

// newCertificate writes a certificate by a name into two files of a directory.
func newCertificate(t *testing.T, dir, name string) certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{{127, 0, 0, 1}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := certificate{certFile: filepath.Join(dir, "tls.crt"), keyFile: filepath.Join(dir, "tls.key"), pool: x509.NewCertPool()}
	for path, block := range map[string]*pem.Block{c.certFile: {Type: "CERTIFICATE", Bytes: der}, c.keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	c.pool.AddCert(parsed)
	return c
}

func (c certificate) config() *tls.Config {
	return &tls.Config{RootCAs: c.pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
}

// served is the name of the certificate that a server shows.
func served(address string) (string, error) {
	connection, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return "", err
	}
	defer func() { _ = connection.Close() }()
	return connection.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

func serves(t *testing.T, address, name string) {
	t.Helper()
	testenv.Eventually(t, func() error {
		got, err := served(address)
		if err == nil && got != name {
			err = fmt.Errorf("the certificate is %q, want %q", got, name)
		}
		return err
	})
}

// TestTheCertificateIsReloaded replaces the files as an administrator does, and as a kubelet does.
func TestTheCertificateIsReloaded(t *testing.T) {
	t.Run("files that are written anew", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		first := newCertificate(t, dir, "first")
		address := hooks(t, func(o *Options) { o.TLSCertFile, o.TLSKeyFile = first.certFile, first.keyFile })
		serves(t, address, "first")
		open := tls.Client(dial(t, address, ""), first.config())
		if err := open.Handshake(); err != nil {
			t.Fatal(err)
		}
		newCertificate(t, dir, "second")
		serves(t, address, "second")
		// A connection from before goes on.
		if _, err := io.WriteString(open, whole); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(first.keyFile, []byte("garbage"), 0o600); err != nil {
			t.Fatal(err)
		}
		serves(t, address, "second")
		newCertificate(t, dir, "third")
		serves(t, address, "third")
	})
	t.Run("a link that is set to another directory", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		point := func(name string) {
			target := filepath.Join(dir, name)
			if err := os.Mkdir(target, 0o700); err != nil {
				t.Fatal(err)
			}
			newCertificate(t, target, name)
			if err := errors.Join(os.Symlink(name, filepath.Join(dir, "..tmp")), os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data"))); err != nil {
				t.Fatal(err)
			}
		}
		point("first")
		for _, name := range []string{"tls.crt", "tls.key"} {
			if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		address := hooks(t, func(o *Options) {
			o.TLSCertFile, o.TLSKeyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
		})
		serves(t, address, "first")
		point("second")
		serves(t, address, "second")
	})
}

func TestWhatTLSIsSpoken(t *testing.T) {
	c := newCertificate(t, t.TempDir(), "first")
	address := hooks(t, func(o *Options) { o.TLSCertFile, o.TLSKeyFile = c.certFile, c.keyFile })
	for name, test := range map[string]struct {
		most     uint16
		protocol []string
		fails    bool
	}{
		"TLS 1.1":                  {tls.VersionTLS11, nil, true},
		"TLS 1.2":                  {tls.VersionTLS12, nil, false},
		"TLS 1.3":                  {tls.VersionTLS13, nil, false},
		"HTTP/2, or else HTTP/1.1": {tls.VersionTLS13, []string{"h2", "http/1.1"}, false},
		"HTTP/2 alone":             {tls.VersionTLS13, []string{"h2"}, true},
	} {
		config := c.config()
		config.MinVersion, config.MaxVersion, config.NextProtos = tls.VersionTLS10, test.most, test.protocol
		connection, err := tls.Dial("tcp", address, config)
		if (err != nil) != test.fails {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		if got := connection.ConnectionState().NegotiatedProtocol; got == "h2" {
			t.Errorf("%s: %s is spoken", name, got)
		}
		_ = connection.Close()
	}
}

// TestNoHTTP2InTheClear: neither with prior knowledge, nor by an upgrade.
func TestNoHTTP2InTheClear(t *testing.T) {
	address := hooks(t, func(*Options) {})
	connection := dial(t, address, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	if err := connection.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(connection)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 ")) {
		t.Errorf("prior knowledge is answered %q, %v", answer, err)
	}
	upgrade := strings.Replace(whole, "Host", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nHost", 1)
	if status, err := answered(dial(t, address, upgrade)); status != http.StatusOK {
		t.Errorf("an upgrade is answered %d, %v", status, err)
	}
}

func TestACertificateNeedsItsKey(t *testing.T) {
	c := newCertificate(t, t.TempDir(), "first")
	for name, files := range map[string][2]string{"no key": {c.certFile, ""}, "no certificate": {"", c.keyFile}, "no files": {"/none", "/none"}} {
		o := DefaultOptions()
		o.HooksAddress, o.TLSCertFile, o.TLSKeyFile = freeAddress(t), files[0], files[1]
		if err := serveHooks(t.Context(), o, http.NotFoundHandler(), logr.Discard()); err == nil {
			t.Errorf("%s: served", name)
		}
	}
}
