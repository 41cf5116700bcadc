package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Networks is a list of networks, and a flag of CIDRs with commas between them.
type Networks []netip.Prefix

// Contains says that an address is in one of the networks.
func (n Networks) Contains(address netip.Addr) bool {
	return slices.ContainsFunc(n, func(network netip.Prefix) bool { return network.Contains(address) })
}

// String implements flag.Value.
func (n *Networks) String() string {
	texts := make([]string, len(*n))
	for i, network := range *n {
		texts[i] = network.String()
	}
	return strings.Join(texts, ",")
}

// Set implements flag.Value.
func (n *Networks) Set(text string) error {
	var networks Networks
	if text == "" {
		*n = nil
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		network, err := netip.ParsePrefix(strings.TrimSpace(part))
		if err != nil {
			return fmt.Errorf("not a CIDR such as 10.0.0.0/8: %w", err)
		}
		if network.Addr().Is4In6() {
			return errors.New("an IPv4 network is written as such, not within IPv6")
		}
		networks = append(networks, network.Masked())
	}
	*n = networks
	return nil
}

// clientAddress is whose request this is: who holds the connection or, where that is a trusted proxy, the last address
// in X-Forwarded-For that is not one. What stands to the left of it is the client's own word. Forwarded (RFC 7239) is not
// read: with two headers that say the same, the one that the proxy does not write would be the client's to choose.
func clientAddress(r *http.Request, trusted Networks) netip.Addr {
	client := withoutPort(r.RemoteAddr)
	if len(trusted) == 0 {
		return client
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && trusted.Contains(client); i-- {
		hop := withoutPort(strings.TrimSpace(hops[i]))
		if !hop.IsValid() {
			// The proxy itself is the nearest that is known.
			break
		}
		client = hop
	}
	return client
}

// withoutPort reads an address that may have a port behind it, as some proxies write it too. It is invalid where there
// is none.
func withoutPort(text string) netip.Addr {
	address, err := netip.ParseAddr(text)
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}
		}
		address = withPort.Addr()
	}
	return address.Unmap().WithZone("")
}
