package agentconf

import (
	"net/netip"
	"slices"
	"strings"
)

// members are the identifiers of a machine group.
//
//	ip            the address that an agent calls from; with a token, also the one that it says it has
//	userdefined   VALUE for an agent with the tag user_defined_id=VALUE (several with commas), NAME=VALUE for one with that tag,
//	              TAG for an old agent with that tag
type members struct {
	addresses bool
	ids       map[string]bool
}

func newMembers(kind string, ids []string) members {
	m := members{addresses: kind == "ip", ids: make(map[string]bool, len(ids))}
	for _, id := range ids {
		m.ids[strings.TrimSpace(id)] = true
	}
	return m
}

// has reports whether an agent is in the group. trusted says that it proved to be one of ours, so that what it says of itself is believed.
func (m members) has(a *Agent, trusted bool) bool {
	if m.addresses {
		if said, err := netip.ParseAddr(a.IP); err == nil && trusted && m.ids[said.Unmap().String()] {
			return true
		}
		return a.Address.IsValid() && m.ids[a.Address.String()]
	}
	return slices.ContainsFunc(a.UserDefined(), func(id string) bool { return m.ids[id] })
}

// UserDefined returns the user-defined identifiers of the agent.
func (a *Agent) UserDefined() (ids []string) {
	for _, t := range a.Tags {
		switch {
		case t.Value == "":
			ids = append(ids, t.Name)
		case t.Name == UserDefinedTag:
			for id := range strings.SplitSeq(t.Value, ",") {
				ids = append(ids, strings.TrimSpace(id))
			}
		default:
			ids = append(ids, t.Name+"="+t.Value)
		}
	}
	return ids
}
