package sls

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/control"
)

// TagResources: POST /tag
//
// Body: resourceType (project, logstore, dashboard, machinegroup, logtailconfig), resourceId (an array of "PROJECT" or "PROJECT#NAME"),
// tags with key and value, at most 20.
// Behavior: all of the things get all of the tags, or none does; tags of the same keys are replaced.

// UntagResources: POST /untag
//
// Body: resourceType, resourceId, tags (an array of keys), all (true takes them all).
// Behavior: taking a tag that is not there is no error.

// ListTagResources: GET /tags
//
// Behavior: 100 tags on a page, by thing and key; nextToken is "" on the last. Filters by tags have all to be met, and only the tags that
// meet one are listed. On the bare host without resourceId, the things of all projects that the signer may list tags in.

// TagResourcesSystemTags: POST /systemtag
//
// Body: as TagResources, with tagOwnerUid and scope, which are kept with the tags.

// UntagResourcesSystemTags: POST /systemuntag
//
// Body: as UntagResources.
// Differs: tagOwnerUid is ignored.

// ListSystemTagResources: GET /systemtags
//
// Behavior: as ListTagResources; tagOwnerUid matches whole.
// Differs: category and scope are ignored.

var tagRoutes = []Route{
	{Method: "POST", Path: "/tag", Host: OnAny, Action: "TagResources", Resource: "project", Late: true, Mutating: true, handle: tag(control.UserTags)},
	{Method: "POST", Path: "/untag", Host: OnAny, Action: "UntagResources", Resource: "project", Late: true, Mutating: true, handle: untag(control.UserTags)},
	{Method: "GET", Path: "/tags", Host: OnAny, Action: "ListTagResources", Resource: "project", Late: true, handle: listTags(control.UserTags)},
	{Method: "POST", Path: "/systemtag", Host: OnAny, Action: "TagResourcesSystemTags", Resource: "project", Late: true, Mutating: true, handle: tag(control.SystemTags)},
	{Method: "POST", Path: "/systemuntag", Host: OnAny, Action: "UntagResourcesSystemTags", Resource: "project", Late: true, Mutating: true, handle: untag(control.SystemTags)},
	{Method: "GET", Path: "/systemtags", Host: OnAny, Action: "ListSystemTagResources", Resource: "project", Late: true, handle: listTags(control.SystemTags)},
}

// maxTagged is the most things of one request.
const maxTagged = 100

// tagged reads the things that a request is about. Each may be in another project than that of the host, and is asked for.
func (q *request) tagged(kind string, ids []string) ([]control.Tagged, error) {
	if err := q.onHost(); err != nil {
		return nil, err
	}
	if len(ids) > maxTagged {
		return nil, sluice.Errorf(sluice.Invalid, "parameter", "resourceId has %d entries, more than %d", len(ids), maxTagged)
	}
	things := make([]control.Tagged, len(ids))
	for i, id := range ids {
		t, err := control.ParseTagged(kind, id)
		if err != nil {
			return nil, err
		}
		if q.project != "" && t.Project != q.project {
			return nil, sluice.Errorf(sluice.Invalid, "parameter", "resourceId %.80q is not of the project of the host, %.64q", id, q.project)
		}
		if err := q.permit(t.Project, t.Logstore()); err != nil {
			return nil, err
		}
		things[i] = t
	}
	return things, nil
}

// onHost asks whether the signer may do this to the project of the host, if there is one.
func (q *request) onHost() error {
	if q.project == "" {
		return nil
	}
	return q.permit(q.project, "")
}

func tag(set control.TagSet) handler {
	return func(a *API, q *request) error {
		var body struct {
			Type  string        `json:"resourceType"`
			IDs   []string      `json:"resourceId"`
			Tags  []control.Tag `json:"tags"`
			Owner string        `json:"tagOwnerUid"`
			Scope string        `json:"scope"`
		}
		if err := q.decode("parameter", &body); err != nil {
			return err
		}
		things, err := q.tagged(body.Type, body.IDs)
		if err != nil {
			return err
		}
		if set == control.SystemTags {
			for i := range body.Tags {
				body.Tags[i].Owner, body.Tags[i].Scope = body.Owner, body.Scope
			}
		}
		if err := a.Control.Tag(q.ctx(), set, things, body.Tags); err != nil {
			return err
		}
		return q.ok()
	}
}

func untag(set control.TagSet) handler {
	return func(a *API, q *request) error {
		var body struct {
			Type string    `json:"resourceType"`
			IDs  []string  `json:"resourceId"`
			Tags []string  `json:"tags"`
			All  looseBool `json:"all"`
		}
		if err := q.decode("parameter", &body); err != nil {
			return err
		}
		things, err := q.tagged(body.Type, body.IDs)
		if err != nil {
			return err
		}
		if err := a.Control.Untag(q.ctx(), set, things, body.Tags, bool(body.All)); err != nil {
			return err
		}
		return q.ok()
	}
}

// taggedObject is a tag as clients see it.
type taggedObject struct {
	Type  string `json:"resourceType"`
	ID    string `json:"resourceId"`
	Key   string `json:"tagKey"`
	Value string `json:"tagValue"`
}

func listTags(set control.TagSet) handler {
	return func(a *API, q *request) error {
		query, err := q.tagQuery()
		if err != nil {
			return err
		}
		if query.Things == nil {
			if query.Projects, err = a.projectsToTag(q); err != nil {
				return err
			}
		}
		page, next, err := a.Control.Tags(q.ctx(), set, query)
		if err != nil {
			return err
		}
		tags := make([]taggedObject, len(page))
		for i, t := range page {
			tags[i] = taggedObject{t.Type, t.ID(), t.Key, t.Value}
		}
		return q.json(map[string]any{"nextToken": next, "tagResources": tags})
	}
}

// tagQuery reads what tags a list is of. Ids and filters are JSON in the query string.
func (q *request) tagQuery() (control.TagQuery, error) {
	query := control.TagQuery{Type: q.query.Get("resourceType"), Token: q.query.Get("nextToken"), Owner: q.query.Get("tagOwnerUid")}
	if text := q.query.Get("tags"); text != "" {
		var err error
		if query.Tags, err = parseTagFilters(text); err != nil {
			return query, err
		}
	}
	text := q.query.Get("resourceId")
	if text == "" {
		return query, nil
	}
	var ids []string
	if err := json.Unmarshal([]byte(text), &ids); err != nil {
		return query, badParameter("resourceId", text, "not a JSON array of ids")
	}
	if len(ids) == 0 {
		return query, nil
	}
	var err error
	query.Things, err = q.tagged(query.Type, ids)
	return query, err
}

// parseTagFilters reads an array of key and value, or the object that some clients send for it.
func parseTagFilters(text string) ([]control.TagFilter, error) {
	var filters []control.TagFilter
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		if err := json.Unmarshal([]byte(text), &filters); err != nil {
			return nil, badParameter("tags", text, "not a JSON array of key and value")
		}
		return filters, nil
	}
	var pairs map[string]string
	if err := json.Unmarshal([]byte(text), &pairs); err != nil {
		return nil, badParameter("tags", text, "not a JSON object of texts")
	}
	for key, value := range pairs {
		filters = append(filters, control.TagFilter{Key: &key, Value: &value})
	}
	return filters, nil
}

// projectsToTag are the projects whose tags a list is of: that of the host, or all that the signer may list tags in.
func (a *API) projectsToTag(q *request) ([]string, error) {
	if q.project != "" {
		return []string{q.project}, q.onHost()
	}
	names := []string{}
	for {
		page, total, err := a.Catalog.Projects(q.ctx(), catalog.ProjectFilter{Owner: q.principal.Owns, Offset: len(names)})
		if err != nil {
			return nil, err
		}
		for _, p := range page {
			names = append(names, p.Name)
		}
		if len(page) == 0 || len(names) >= total {
			return slices.DeleteFunc(names, func(name string) bool { return q.permit(name, "") != nil }), nil
		}
	}
}
