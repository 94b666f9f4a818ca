package auth

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/iam/policy"
)

// transport is how r came, for conditions. The word of a trusted proxy is taken for what is behind it: each adds the address that it was called
// from at the end of X-Forwarded-For, so the source is the last that is no trusted proxy. Where a proxy says what is no address, the source is
// not known, and conditions on it do not hold.
func (a *Authenticator) transport(r *http.Request, now time.Time) policy.Context {
	c := policy.Context{Time: now, Secure: r.TLS != nil, TLSVersion: tlsVersion(r.TLS)}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return c
	}
	c.Source = from.Addr().Unmap().WithZone("")
	if !a.trusts(c.Source) {
		return c
	}
	if scheme := r.Header["X-Forwarded-Proto"]; len(scheme) > 0 {
		c.Secure, c.TLSVersion = strings.EqualFold(scheme[len(scheme)-1], "https"), ""
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for i := len(hops) - 1; i >= 0 && a.trusts(c.Source); i-- {
		hop := strings.TrimSpace(hops[i])
		if hop == "" && len(hops) == 1 {
			return c // the proxy calls for itself
		}
		addr, _ := netip.ParseAddr(hop)
		c.Source = addr.Unmap().WithZone("")
	}
	return c
}

func (a *Authenticator) trusts(addr netip.Addr) bool {
	for _, network := range a.proxies {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

func tlsVersion(state *tls.ConnectionState) string {
	if state == nil {
		return ""
	}
	switch state.Version {
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS13:
		return "1.3"
	}
	return ""
}
