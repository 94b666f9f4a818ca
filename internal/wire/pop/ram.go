package pop

import (
	"slices"
	"strings"
	"time"
)

// The actions of RAM, version 2015-05-01, in the account of whoever signs. They need the answer's shape of that API, which wraps lists twice.

const ramVersion = "2015-05-01"

// Parameters that many actions have.
const (
	paramUser    = "UserName"
	paramGroup   = "GroupName"
	paramRole    = "RoleName"
	paramPolicy  = "PolicyName"
	paramType    = "PolicyType"
	paramVersion = "VersionId"
	paramKey     = "UserAccessKeyId"
)

// Resources that many actions act on.
const (
	theUser   = "user/{" + paramUser + "}"
	theGroup  = "group/{" + paramGroup + "}"
	theRole   = "role/{" + paramRole + "}"
	thePolicy = "policy/{" + paramPolicy + "}"
)

// ram makes a row of the table of RAM's actions.
func ram(name string, mutating bool, handle func(*API, *request) (any, error), resources ...string) action {
	return action{version: ramVersion, name: name, permission: "ram:" + name, mutating: mutating, resources: resources, handle: handle}
}

// dated is a time as this API tells it.
func dated(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// part is a page of a list that is sorted by name. Marker is the name that the next page begins with.
type part[T any] struct {
	IsTruncated bool
	Marker      string `json:",omitempty"`
	items       []T
}

// partOf is the page that q asks for by Marker and MaxItems.
func partOf[T any](q *request, all []T, name func(T) string) (p part[T], err error) {
	size, err := q.number("MaxItems", 100, 1, 1000)
	if err != nil {
		return p, err
	}
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(name(a), name(b)) })
	from, _ := slices.BinarySearchFunc(all, q.params.Get("Marker"), func(v T, marker string) int { return strings.Compare(name(v), marker) })
	p.items = all[from:]
	if int64(len(p.items)) > size {
		p.IsTruncated, p.Marker, p.items = true, name(p.items[size]), p.items[:size]
	}
	return p, nil
}

// each makes models of things.
func each[T, M any](all []T, model func(T) M) []M {
	models := make([]M, len(all))
	for i, v := range all {
		models[i] = model(v)
	}
	return models
}

// account is whose identities a request is about.
func (q *request) account() string { return q.principal.Account }
