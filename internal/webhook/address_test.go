package webhook

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func networks(t *testing.T, text string) Networks {
	t.Helper()
	var n Networks
	if err := n.Set(text); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestClientAddress(t *testing.T) {
	const proxies = "10.0.0.0/8, 2001:db8:1::/48"
	tests := map[string]struct {
		trusted   string
		remote    string
		forwarded []string
		want      string
	}{
		"who holds the connection":                        {remote: "192.0.2.1:1234", want: "192.0.2.1"},
		"of IPv6":                                         {remote: "[2001:db8::1]:1234", want: "2001:db8::1"},
		"without its zone":                                {remote: "[fe80::1%eth0]:1234", want: "fe80::1"},
		"IPv4 on a socket for both":                       {remote: "[::ffff:192.0.2.1]:1234", want: "192.0.2.1"},
		"none, on a socket that has none":                 {remote: "@", want: "invalid IP"},
		"a header counts for nothing without proxies":     {remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9"}, want: "10.0.0.1"},
		"nor does it from who is none":                    {trusted: proxies, remote: "192.0.2.1:1", forwarded: []string{"192.0.2.9"}, want: "192.0.2.1"},
		"what a proxy says":                               {trusted: proxies, remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9"}, want: "192.0.2.9"},
		"the last, for the rest is the client's own word": {trusted: proxies, remote: "10.0.0.1:1", forwarded: []string{"198.51.100.1, 192.0.2.9"}, want: "192.0.2.9"},
		"a client cannot pretend to be a proxy's client":  {trusted: proxies, remote: "10.0.0.1:1", forwarded: []string{"198.51.100.1, 10.0.0.7, 192.0.2.9"}, want: "192.0.2.9"},
		"through two proxies":                             {trusted: proxies, remote: "10.0.0.1:1", forwarded: []string{"198.51.100.1, 192.0.2.9, 10.9.9.9"}, want: "192.0.2.9"},
		"in two headers":                                  {trusted: proxies, remote: "10.0.0.1:1", forwarded: []string{"198.51.100.1", "192.0.2.9,10.9.9.9"}, want: "192.0.2.9"},
		"with a port":                                     {trusted: proxies, remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9:4711"}, want: "192.0.2.9"},
		"of IPv6, with a port":                            {trusted: proxies, remote: "[2001:db8:1::1]:1", forwarded: []string{"[2001:db8:2::9]:4711"}, want: "2001:db8:2::9"},
		"of IPv6, without":                                {trusted: proxies, remote: "[2001:db8:1::1]:1", forwarded: []string{"2001:db8:2::9"}, want: "2001:db8:2::9"},
		"IPv4 within IPv6":                                {trusted: proxies, remote: "10.0.0.1:1", forwarded: []string{"::ffff:192.0.2.9"}, want: "192.0.2.9"},
		"the proxy itself, where it says nothing":         {trusted: proxies, remote: "10.0.0.1:1", want: "10.0.0.1"},
		"the proxy itself, where it says nonsense":        {trusted: proxies, remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9, unknown"}, want: "10.0.0.1"},
		"the nearest proxy that is known":                 {trusted: proxies, remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9, _hidden, 10.0.0.2"}, want: "10.0.0.2"},
		"the first, where all are proxies":                {trusted: proxies, remote: "10.0.0.1:1", forwarded: []string{"10.0.0.3, 10.0.0.2"}, want: "10.0.0.3"},
		"an empty header":                                 {trusted: proxies, remote: "10.0.0.1:1", forwarded: []string{""}, want: "10.0.0.1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			r.RemoteAddr = test.remote
			r.Header["X-Forwarded-For"] = test.forwarded
			r.Header.Set("Forwarded", "for=203.0.113.7")
			r.Header.Set("X-Real-Ip", "203.0.113.8")
			if got := clientAddress(r, networks(t, test.trusted)).String(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestNetworksAsAFlag(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"10.0.0.0/8":                "10.0.0.0/8",
		"10.1.2.3/8, 2001:db8::/32": "10.0.0.0/8,2001:db8::/32",
		"0.0.0.0/0":                 "0.0.0.0/0",
	} {
		n := networks(t, text)
		if diff := cmp.Diff(want, n.String()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{"10.0.0.1", "10.0.0.0/33", "hooks.example.com", "10.0.0.0/8,", "::ffff:10.0.0.0/104", " "} {
		if err := new(Networks).Set(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
