// Package egress opens the connections that leave the server because a user said so: of deliveries, and of whatever else takes an
// address from a user. It refuses those addresses through which a user would reach what only the server can reach.
//
//	name ──resolve──> address ──Policy──> connect
//	                     └── the one that was looked at is the one that is connected to
//
// Invariants:
//   - The address is judged between resolving and connecting, in the dialer's own hook. So a name that resolves to something else the
//     next time, a redirect, or a spelling of an address that only some resolver understands changes nothing.
//   - An address that carries an IPv4 address (mapped, NAT64, 6to4 and the like) is judged by both.
//   - What is not TCP or UDP is refused.
package egress

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Options of a Dialer.
type Options struct {
	// Allow are networks that may be dialed whatever the other rules say.
	Allow []netip.Prefix
	// Deny are networks that may not, beside those that never may (loopback, link-local, metadata services, multicast and the like).
	// Private networks may be dialed unless they are here.
	Deny []netip.Prefix
	// Listeners are the addresses that this server listens on. They are refused under every address that this machine has.
	Listeners []netip.AddrPort
	// Timeout bounds one connection attempt [10 s].
	Timeout time.Duration
	// Resolver of names [the system's].
	Resolver *net.Resolver
}

// Dialer dials. It may be used by many goroutines.
type Dialer struct {
	policy policy
	net    net.Dialer
	found  func(netip.AddrPort) error // tests end an allowed dial here, before it touches the network
}

// New makes a dialer.
func New(o Options) *Dialer {
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	d := &Dialer{policy: policy{allow: o.Allow, deny: o.Deny, listeners: o.Listeners, local: localAddresses}}
	d.net = net.Dialer{Timeout: o.Timeout, Resolver: o.Resolver, ControlContext: d.control}
	return d
}

// DialContext connects to address, a host and a port. Where the host has several addresses, those that may be dialed are tried.
// Its error wraps a [sink.Halt] if it was refused.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6", "udp", "udp4", "udp6":
	default:
		return nil, refuse("network %q is neither TCP nor UDP", network)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, refuse("%q is not a host and a port", address)
	}
	if host == "" {
		return nil, refuse("%q has no host", address)
	}
	if _, err := netip.ParseAddr(host); err != nil && numeric(host) {
		return nil, refuse("%q looks like an IP address and is not one; write it as four decimal numbers, or by IPv6's rules", host)
	}
	return d.net.DialContext(ctx, network, net.JoinHostPort(host, port))
}

// control runs with the address that the next connect call gets.
func (d *Dialer) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return refuse("%q is not an address", address)
	}
	if why := d.policy.judge(at); why != "" {
		return refuse("address %v %s; an operator can allow its network", at.Addr(), why)
	}
	if d.found != nil {
		return d.found(at)
	}
	return nil
}

func refuse(format string, args ...any) error {
	reason := fmt.Sprintf(format, args...)
	return fmt.Errorf("dial refused: %w", &sink.Halt{Reason: reason})
}

// numeric says whether the last label of a host is a number, decimal or hexadecimal: some resolvers take such a host for an address.
func numeric(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// localAddresses are the addresses of this machine.
func localAddresses() []netip.Addr {
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range interfaces {
		if n, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(n.IP); ok {
				out = append(out, addr.Unmap())
			}
		}
	}
	return out
}
