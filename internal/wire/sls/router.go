package sls

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/sluicelog/sluice"
)

// Route is one action of the dialect: one row of the table that says how requests find it and what they need.
type Route struct {
	Method string
	Path   string // segments; {name} matches any one, which the handler finds under that name, and {name...} all that are left
	When   string // "type=log|logs": the query parameter that tells actions on one path apart; "type=" is its absence
	Host   Host

	Action     string // the API's name of the action, for logs, metrics and messages
	Permission string // the name that policies know it by; "" in a row is "log:" and the action
	Resource   string // what policies know its object by, see resource.go
	Mutating   bool   // a read-only key may not
	Root       bool   // only a root key may
	Anonymous  bool   // needs no signature; the handler decides who may
	Late       bool   // the body names the object: the handler asks whether the signer may, and nobody before it
	twin       string // the permission for the same thing under its other name, see twins

	handle func(*API, *request) error
}

// Host says which hosts an action lives on.
type Host uint8

// The hosts.
const (
	OnProject Host = iota // project.base-domain
	OnBare                // the base domain itself
	OnAny
)

func (h Host) has(project string) bool { return h == OnAny || (h == OnProject) == (project != "") }

// Bounds of a path segment and of a {name...}, so that no message or lookup carries more of a client's text.
const (
	maxSegment = 256
	maxRest    = 1024
)

// router finds routes by path segment. A fixed segment is preferred to a {name}, so /shards/lb comes before /shards/{shard}.
type router struct {
	fixed  map[string]*router
	any    *router
	name   string  // of any
	rest   bool    // any is a {name...}
	routes []Route // that end here
}

func newRouter(routes []Route) *router {
	root := &router{}
	for _, route := range routes {
		root.add(route)
	}
	return root
}

func (n *router) add(route Route) {
	for _, segment := range segments(route.Path) {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			if n.any == nil {
				n.any = &router{}
				n.name, n.rest = strings.CutSuffix(strings.TrimSuffix(name, "}"), "...")
			}
			n = n.any
			continue
		}
		if n.fixed == nil {
			n.fixed = map[string]*router{}
		}
		if n.fixed[segment] == nil {
			n.fixed[segment] = &router{}
		}
		n = n.fixed[segment]
	}
	n.routes = append(n.routes, route)
}

// find returns the route of a request and fills in its path variables. The path is matched as it was sent, segment by
// segment: "..", "//" and encoded slashes mean nothing here, they are names that nothing has. Only in a {name...}, a name that may have slashes, clients
// of some languages encode those and others do not.
func (n *router) find(r *http.Request, project string, query url.Values, vars *pathVars) (*Route, error) {
	path := r.URL.EscapedPath()
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return nil, noPath(path)
	}
	for rest != "" {
		segment, tail, more := strings.Cut(rest, "/")
		if segment == "" || (more && tail == "" && !n.rest) {
			return nil, noPath(path)
		}
		if next := n.fixed[segment]; next != nil {
			n, rest = next, tail
			continue
		}
		if n.any == nil {
			return nil, noPath(path)
		}
		limit := maxSegment
		if n.rest {
			segment, tail, limit = rest, "", maxRest
		}
		value, err := url.PathUnescape(segment)
		if err != nil || len(value) > limit {
			return nil, sluice.Errorf(sluice.Invalid, "path", "path segment %.64q is longer than %d bytes or badly encoded", segment, limit)
		}
		vars.add(n.name, value)
		n, rest = n.any, tail
	}
	return n.choose(r.Method, path, project, query)
}

// choose picks among the routes of one path by host, method and query, and explains why when none fits.
func (n *router) choose(method, path, project string, query url.Values) (*Route, error) {
	var otherHost, otherMethod, otherQuery bool
	for i := range n.routes {
		route := &n.routes[i]
		switch {
		case route.Method != method:
			otherMethod = true
		case !route.Host.has(project):
			otherHost = true
		case !matches(route.When, query):
			otherQuery = true
		default:
			return route, nil
		}
	}
	switch {
	case otherQuery:
		return nil, sluice.Errorf(sluice.Invalid, "parameter", "%s %.256q has no action with type=%.64q, action=%.64q",
			method, path, query.Get("type"), query.Get("action"))
	case otherHost && project == "":
		return nil, sluice.Errorf(sluice.Invalid, "host", "%s %.256q needs a project: put it in front of the host name, or send x-log-project", method, path)
	case otherHost:
		return nil, sluice.Errorf(sluice.Invalid, "host", "%s %.256q belongs to no project: leave %.64q out of the host name", method, path, project)
	case otherMethod:
		return nil, sluice.Errorf(sluice.Invalid, "method", "method %.32q does not exist on %.256q", method, path)
	}
	return nil, noPath(path)
}

func noPath(path string) error {
	return sluice.Errorf(sluice.NotFound, "path", "no action has the path %.256q", path)
}

// matches reports whether the query satisfies a When.
func matches(when string, query url.Values) bool {
	if when == "" {
		return true
	}
	name, values, _ := strings.Cut(when, "=")
	got := query.Get(name)
	for more := true; more; {
		var value string
		value, values, more = strings.Cut(values, "|")
		if got == value {
			return true
		}
	}
	return false
}

func segments(path string) []string {
	if path == "/" {
		return nil
	}
	return strings.Split(strings.TrimPrefix(path, "/"), "/")
}

// pathVars holds the few variables of a path without a map.
type pathVars struct {
	n     int
	names [4]string
	text  [4]string
}

func (v *pathVars) add(name, text string) {
	v.names[v.n], v.text[v.n] = name, text
	v.n++
}

func (v *pathVars) get(name string) string {
	for i := range v.n {
		if v.names[i] == name {
			return v.text[i]
		}
	}
	return ""
}
