package egress

import (
	"net/netip"
	"slices"
)

// policy judges addresses.
type policy struct {
	allow, deny []netip.Prefix
	listeners   []netip.AddrPort
	local       func() []netip.Addr
}

// closed are the networks that are refused unless an operator allows them. The first that fits gives the reason.
var closed = []struct {
	network netip.Prefix
	why     string
}{
	{netip.MustParsePrefix("127.0.0.0/8"), "is loopback"},
	{netip.MustParsePrefix("::1/128"), "is loopback"},
	{netip.MustParsePrefix("0.0.0.0/8"), "means this machine"},
	{netip.MustParsePrefix("::/128"), "means this machine"},
	{netip.MustParsePrefix("169.254.169.254/32"), "is the metadata service of a cloud"},
	{netip.MustParsePrefix("100.100.100.200/32"), "is the metadata service of a cloud"}, // Alibaba Cloud
	{netip.MustParsePrefix("168.63.129.16/32"), "is the metadata service of a cloud"},   // Azure
	{netip.MustParsePrefix("192.0.0.0/24"), "is reserved"},                              // Oracle's metadata service is in it
	{netip.MustParsePrefix("fd00:ec2::/32"), "is the metadata service of a cloud"},      // AWS
	{netip.MustParsePrefix("fd20:ce::/32"), "is the metadata service of a cloud"},       // Google
	{netip.MustParsePrefix("169.254.0.0/16"), "is link-local"},
	{netip.MustParsePrefix("fe80::/10"), "is link-local"},
	{netip.MustParsePrefix("fec0::/10"), "is site-local, which is no more"},
	{netip.MustParsePrefix("224.0.0.0/4"), "is multicast"},
	{netip.MustParsePrefix("ff00::/8"), "is multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "is reserved"}, // the last is broadcast
	{netip.MustParsePrefix("64:ff9b:1::/48"), "is translated to IPv4 in a way that cannot be told"},
	{netip.MustParsePrefix("2001::/32"), "is Teredo"},
	{netip.MustParsePrefix("100::/64"), "is discarded"},
}

// judge returns why an address is refused, "" if it is not.
func (p *policy) judge(at netip.AddrPort) string {
	addr := at.Addr().Unmap().WithZone("")
	switch {
	case contains(p.allow, addr):
		return ""
	case contains(p.deny, addr):
		return "is in a network that the operator denies"
	case p.own(addr, at.Port()):
		return "is this server"
	}
	if why := judgeClosed(addr); why != "" {
		return why
	}
	for _, inner := range embedded(addr) {
		switch {
		case contains(p.deny, inner):
			return "carries " + inner.String() + ", which is in a network that the operator denies"
		case p.own(inner, at.Port()):
			return "carries " + inner.String() + ", which is this server"
		}
		if why := judgeClosed(inner); why != "" {
			return "carries " + inner.String() + ", which " + why
		}
	}
	return ""
}

func judgeClosed(addr netip.Addr) string {
	for _, c := range closed {
		if c.network.Contains(addr) {
			return c.why
		}
	}
	return ""
}

// own says whether this server listens there. A listener on the unspecified address listens on every address of this machine.
func (p *policy) own(addr netip.Addr, port uint16) bool {
	for _, l := range p.listeners {
		if l.Port() != port {
			continue
		}
		if at := l.Addr().Unmap().WithZone(""); at == addr || at.IsUnspecified() && slices.Contains(p.local(), addr) {
			return true
		}
	}
	return false
}

func contains(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// carriers are the networks whose addresses carry an IPv4 address, from this byte on.
var carriers = []struct {
	network netip.Prefix
	at      int
}{
	{netip.MustParsePrefix("::/96"), 12},           // IPv4-compatible
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12}, // IPv4-translated (SIIT)
	{netip.MustParsePrefix("64:ff9b::/96"), 12},    // NAT64
	{netip.MustParsePrefix("2002::/16"), 2},        // 6to4
}

// embedded are the IPv4 addresses that addr carries. A mapped one is IPv4 itself and not meant here.
func embedded(addr netip.Addr) []netip.Addr {
	if addr.Is4() {
		return nil
	}
	var out []netip.Addr
	b := addr.As16()
	for _, c := range carriers {
		if c.network.Contains(addr) {
			out = append(out, netip.AddrFrom4([4]byte(b[c.at:c.at+4])))
		}
	}
	if b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe { // ISATAP, under any prefix
		out = append(out, netip.AddrFrom4([4]byte(b[12:])))
	}
	return out
}
