package wire

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/sluicelog/sluice"
)

// Addressing finds the project that a request is addressed to (reference sls-api 1.3). With the base domain sls.test:
//
//	web.sls.test          project web
//	web.127.0.0.1         project web: what clients make of an endpoint that is an address
//	sls.test, 127.0.0.1   no project
//	x-log-project: web    project web, whatever the host
//
// Ports are ignored. A proxy request carries its host in the request line; net/http has then put it in Request.Host.
type Addressing struct {
	bases []string // lower case
}

// NewAddressing makes an addressing for a base domain and for other names under which the machine may be called.
func NewAddressing(base string, others ...string) Addressing {
	a := Addressing{}
	for _, name := range append([]string{base}, others...) {
		if name = strings.ToLower(strings.Trim(name, ".")); name != "" {
			a.bases = append(a.bases, name)
		}
	}
	return a
}

// Project returns the project that r is addressed to, "" for none. A host that is neither ours nor an address is Invalid [host].
func (a Addressing) Project(r *http.Request) (string, error) {
	if names := r.Header["X-Log-Project"]; len(names) > 0 && names[0] != "" {
		return names[0], nil
	}
	host := strings.ToLower(strings.TrimSuffix(hostname(r.Host), "."))
	for _, base := range a.bases {
		if host == base {
			return "", nil
		}
		if project, ok := strings.CutSuffix(host, "."+base); ok {
			return single(project, r.Host)
		}
	}
	if isAddress(host) {
		return "", nil
	}
	if project, rest, ok := strings.Cut(host, "."); ok && isAddress(rest) {
		return single(project, r.Host)
	}
	return "", sluice.Errorf(sluice.Invalid, "host",
		"host %.260q is neither this server's base domain nor a project in front of it", r.Host)
}

// hostname is host without its port and without the brackets of an IPv6 address.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func single(project, host string) (string, error) {
	if project == "" || strings.Contains(project, ".") {
		return "", sluice.Errorf(sluice.Invalid, "host", "host %.260q does not name one project in front of the base domain", host)
	}
	return project, nil
}
