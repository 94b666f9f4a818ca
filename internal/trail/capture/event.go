package capture

import (
	"cmp"
	"net/http"
	"strings"
	"unicode"

	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/ledger"
	"github.com/sluicelog/sluice/internal/wire"
)

// event is the event of a call whose answer begins.
func (x *call) event() *trail.Event {
	var d wire.Detail
	if x.c.Detail != nil {
		d = x.c.Detail.Detail()
	}
	e := &trail.Event{
		ID: ledger.NewID(), Time: x.audit.o.Now(), Received: x.began, Category: x.op.Category, Type: trail.APICall, ReadOnly: x.op.ReadOnly,
		Service: cmp.Or(x.op.Service, trail.ServiceServer), Name: x.op.Name, APIVersion: short(d.Version), Region: x.audit.o.Region, Host: short(x.r.Host),
		RequestID: x.c.ID, Identity: identity(x.c, &d), Source: x.audit.o.Source(x.r), Agent: agent(x.r), Request: x.op.Request(d.Params), Status: x.status,
		Additional: map[string]any{},
	}
	if d.Principal != nil {
		e.Source = d.Principal.Source()
	}
	e.Account = cmp.Or(x.owner, x.project(), e.Identity.Account, x.audit.o.Root)
	e.Resources = resources(x.c, x.op.Service, &d, e.Account, x.audit.o.Region)
	if d.Signature != "" {
		e.Additional["SignatureVersion"] = d.Signature
	}
	if forwarded := x.r.Header.Values("X-Forwarded-For"); len(forwarded) > 0 {
		e.Additional["forwardedFor"] = printable(strings.Join(forwarded, ","), maxForwarded)
	}
	x.params = d.Params
	return e
}

// project is the account of the call's project, unless it was asked for already.
func (x *call) project() string {
	if x.started || x.c.Project == "" {
		return ""
	}
	return x.audit.o.Owner(x.c.Project)
}

// complete adds to the event what is known when the answer is.
func (x *call) complete() {
	e := x.made
	e.Time = x.audit.o.Now()
	e.Additional["bytesOut"], e.Additional["latencyMs"] = x.n, e.Time.Sub(x.began).Milliseconds()
	if in := max(x.r.ContentLength, x.c.RawIn); in > 0 {
		e.Additional["bytesIn"] = in
	}
	if x.c.GroupsIn > 0 {
		e.Additional["logGroups"] = x.c.GroupsIn
	}
	if x.tell && !x.op.ReadOnly {
		e.Response = x.op.Response(x.answer.Bytes())
	}
	if e.ErrorCode = x.c.Code; e.Status >= http.StatusBadRequest && e.ErrorCode == "" {
		e.ErrorCode = "Unknown"
	}
	if x.c.Err != nil {
		e.ErrorMessage = message(x.c.Err, x.params, e)
	}
}

// identity is who called.
func identity(c *wire.Call, d *wire.Detail) trail.Identity {
	p := d.Principal
	if p == nil {
		return trail.Identity{Kind: trail.Unknown, AccessKey: printable(cmp.Or(d.AccessKey, c.AccessKey), maxName)}
	}
	return Identity(p)
}

// Identity is a principal as events have it.
func Identity(p *auth.Principal) trail.Identity {
	i := trail.Identity{Kind: trail.Unknown, Account: p.Account, User: p.User, Role: p.Role, Session: p.Session, AccessKey: p.AccessKeyID}
	switch {
	case p.Role != "":
		i.Kind = trail.Role
	case p.User != "":
		i.Kind = trail.User
	case p.Owner:
		i.Kind = trail.Root
	}
	return i
}

// Bounds of text that strangers choose.
const (
	maxAgent     = 1 << 10
	maxForwarded = 256
	maxName      = 256
)

func agent(r *http.Request) string { return printable(r.UserAgent(), maxAgent) }

func short(s string) string { return printable(s, maxName) }

// printable is s without what is no text, cut to most bytes.
func printable(s string, most int) string {
	s = strings.ToValidUTF8(s[:min(len(s), most)], "")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}
