package wire

import "net/http"

// Claimant is a dialect that knows its requests by their looks.
type Claimant interface {
	Dialect
	// Claims reports whether r is in this dialect. It looks at the request line and the headers alone.
	Claims(r *http.Request) bool
}

// Select makes one dialect of several: each request goes to the first of claimants that claims it, or else to rest.
func Select(rest Dialect, claimants ...Claimant) Dialect { return selection{rest, claimants} }

type selection struct {
	rest      Dialect
	claimants []Claimant
}

func (s selection) of(r *http.Request) Dialect {
	for _, d := range s.claimants {
		if d.Claims(r) {
			return d
		}
	}
	return s.rest
}

func (s selection) Serve(w http.ResponseWriter, r *http.Request, c *Call) { s.of(r).Serve(w, r, c) }

func (s selection) Refuse(w http.ResponseWriter, r *http.Request, c *Call, err error) {
	s.of(r).Refuse(w, r, c, err)
}

func (s selection) Drain() {
	s.rest.Drain()
	for _, d := range s.claimants {
		d.Drain()
	}
}
