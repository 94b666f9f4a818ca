package aws

import (
	"maps"
	"slices"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// AddTags, RemoveTags, ListTags: keys and values at trails; nothing here acts on them.

const (
	argResource  = "ResourceId"
	resourceList = "ResourceIdList"
	maxResources = 20
)

var tagOperations = []operation{
	{name: "AddTags", mutating: true, trail: argResource, handle: (*API).addTags},
	{name: "RemoveTags", mutating: true, trail: argResource, handle: (*API).removeTags},
	{name: "ListTags", trail: resourceList, handle: (*API).listTags},
}

type tag struct {
	Key   string
	Value string `json:",omitempty"`
}

// tagged is tags with more of them.
func tagged(tags map[string]string, more []tag) (map[string]string, error) {
	if len(more) == 0 {
		return tags, nil
	}
	all := maps.Clone(tags)
	if all == nil {
		all = map[string]string{}
	}
	seen := map[string]bool{}
	for _, t := range more {
		if seen[t.Key] {
			return nil, sluice.Errorf(sluice.Invalid, "tags", "tag %.140q is there twice", t.Key)
		}
		seen[t.Key], all[t.Key] = true, t.Value
	}
	return all, nil
}

// tagArguments are those of AddTags and RemoveTags.
func (q *request) tagArguments() ([]tag, error) {
	var in struct{ TagsList []tag }
	err := decode(q.body, &in)
	return in.TagsList, err
}

func (a *API) addTags(q *request) (any, error) {
	more, err := q.tagArguments()
	if err != nil {
		return nil, err
	}
	_, err = a.Trails.Update(q.r.Context(), q.trail, func(t *trails.Trail) (err error) {
		t.Tags, err = tagged(t.Tags, more)
		return err
	})
	return nil, err
}

func (a *API) removeTags(q *request) (any, error) {
	less, err := q.tagArguments()
	if err != nil {
		return nil, err
	}
	_, err = a.Trails.Update(q.r.Context(), q.trail, func(t *trails.Trail) error {
		for _, x := range less {
			delete(t.Tags, x.Key)
		}
		return nil
	})
	return nil, err
}

func (a *API) listTags(q *request) (any, error) {
	var in struct {
		ResourceIdList []string //nolint:revive // as clients spell it
		NextToken      string
	}
	if err := decode(q.body, &in); err != nil {
		return nil, err
	}
	switch n := len(in.ResourceIdList); {
	case in.NextToken != "":
		return nil, sluice.Errorf(sluice.Invalid, "token", "no page has a next one here: leave NextToken out")
	case n == 0 || n > maxResources:
		return nil, sluice.Errorf(sluice.Invalid, "trailarn", "name 1 to %d trails by their ARNs, not %d", maxResources, n)
	}
	type resourceTags struct {
		ResourceId string //nolint:revive // as clients spell it
		TagsList   []tag
	}
	out := struct{ ResourceTagList []resourceTags }{}
	for _, arn := range in.ResourceIdList {
		k, err := a.about(q, arn)
		if err != nil {
			return nil, err
		}
		t, err := a.Trails.Get(q.r.Context(), k)
		if err != nil {
			return nil, err
		}
		r := resourceTags{arn, []tag{}}
		for _, key := range slices.Sorted(maps.Keys(t.Tags)) {
			r.TagsList = append(r.TagsList, tag{key, t.Tags[key]})
		}
		out.ResourceTagList = append(out.ResourceTagList, r)
	}
	return out, nil
}
