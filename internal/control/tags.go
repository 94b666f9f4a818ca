package control

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// A tag is a document below what it tags, under its key, and so goes with it:
//
//	project      tag                 name KEY
//	logstore     logstore/NAME/tag   name KEY
//	dashboard    dashboard/NAME/tag  …
//
// System tags are tags of their own, which those who use the project's tags do not see.

// Bounds of tags.
const (
	maxTags     = 20 // of one request, and of one thing
	maxTagRunes = 128
	tagPage     = 100
)

// TagSet tells the tags of users from those of systems.
type TagSet string

// The sets, by what they are stored under.
const (
	UserTags   TagSet = "tag"
	SystemTags TagSet = "systemtag"
)

// Tag is a key with a value. Owner and Scope are of system tags.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Owner string `json:"-"`
	Scope string `json:"-"`
}

// Tagged is a thing that may have tags.
type Tagged struct {
	Type    string // as clients say it
	Project string
	Name    string // "" of a project
}

// taggedKinds are the kinds of things that may have tags, by their type, and where they lie.
var taggedKinds = map[string]string{
	"logstore": "logstore", "dashboard": "dashboard", "machinegroup": groupKind, "logtailconfig": configKind,
}

// ParseTagged reads a type and an id: "PROJECT", or "PROJECT#NAME" for what lies in a project.
func ParseTagged(kind, id string) (Tagged, error) {
	t := Tagged{Type: strings.ToLower(kind)}
	if err := checkTagType(t.Type); err != nil {
		return t, err
	}
	var inside bool
	t.Project, t.Name, inside = strings.Cut(id, "#")
	if t.Project == "" || inside != (t.Type != "project") || inside && (t.Name == "" || strings.Contains(t.Name, "/")) {
		return t, tagError("resourceId %.80q is not that of a %s", id, t.Type)
	}
	return t, nil
}

func checkTagType(kind string) error {
	if _, ok := taggedKinds[kind]; !ok && kind != "project" {
		return tagError("resourceType %.40q is none of project, logstore, dashboard, machinegroup, logtailconfig", kind)
	}
	return nil
}

func tagError(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "parameter", format, args...)
}

// ID is what clients call the thing by.
func (t Tagged) ID() string {
	if t.Type == "project" {
		return t.Project
	}
	return t.Project + "#" + t.Name
}

func (t Tagged) kind(set TagSet) string {
	if t.Type == "project" {
		return string(set)
	}
	return taggedKinds[t.Type] + "/" + t.Name + "/" + string(set)
}

// require returns NotFound if the thing is not there.
func (t Tagged) require(tx meta.Tx) error {
	var err error
	switch t.Type {
	case "project":
		_, err = tx.Project(t.Project)
	case "logstore":
		_, err = tx.Logstore(sluice.LogstoreRef{Project: t.Project, Logstore: t.Name})
	default:
		k := map[string]*Kind{"dashboard": Dashboards, "machinegroup": MachineGroups, "logtailconfig": Configs}[t.Type]
		_, err = tx.Document(t.Project, k.Name, t.Name)
		err = k.named(err, t.Name)
	}
	return err
}

// Tag gives things tags; those of the same keys are replaced. It tags all of them or none.
func (c *Control) Tag(ctx context.Context, set TagSet, things []Tagged, tags []Tag) error {
	if err := checkTags(tags); err != nil {
		return err
	}
	return c.eachTagged(ctx, things, func(tx meta.Tx, t Tagged) error {
		for _, tag := range tags {
			if err := c.setTag(tx, set, t, tag); err != nil {
				return err
			}
		}
		n, err := tx.CountDocuments(t.Project, t.kind(set))
		if err == nil && n > maxTags {
			err = sluice.Errorf(sluice.Throttled, "quota", "%s would have %d tags, the quota is %d", t.ID(), n, maxTags)
		}
		return err
	})
}

func checkTags(tags []Tag) error {
	if len(tags) == 0 {
		return tagError("tags is empty")
	}
	if len(tags) > maxTags {
		return sluice.Errorf(sluice.Invalid, "body", "%d tags in one request are more than %d", len(tags), maxTags)
	}
	for _, t := range tags {
		if n := len([]rune(t.Key)); n < 1 || n > maxTagRunes || !anyID.MatchString(t.Key) {
			return tagError("tag key %.80q is not 1 to %d characters", t.Key, maxTagRunes)
		}
		if len([]rune(t.Value)) > maxTagRunes {
			return tagError("the value of tag %.80q is longer than %d characters", t.Key, maxTagRunes)
		}
	}
	return nil
}

// storedTag is the document of a tag.
type storedTag struct {
	Value string `json:"value"`
	Owner string `json:"owner,omitempty"`
	Scope string `json:"scope,omitempty"`
}

func (c *Control) setTag(tx meta.Tx, set TagSet, t Tagged, tag Tag) error {
	now := c.o.Now()
	doc := meta.Document{
		Project: t.Project, Kind: t.kind(set), Name: tag.Key, Body: encode(storedTag{tag.Value, tag.Owner, tag.Scope}), Created: now, Modified: now,
	}
	err := tx.CreateDocument(doc)
	if sluice.KindOf(err) == sluice.AlreadyExists {
		return tx.UpdateDocument(doc)
	}
	return err
}

// Untag takes tags with these keys from things, or all.
func (c *Control) Untag(ctx context.Context, set TagSet, things []Tagged, keys []string, all bool) error {
	if len(keys) > maxTags {
		return sluice.Errorf(sluice.Invalid, "body", "%d tags in one request are more than %d", len(keys), maxTags)
	}
	return c.eachTagged(ctx, things, func(tx meta.Tx, t Tagged) (err error) {
		gone := keys
		if all {
			if gone, err = tx.DocumentNames(t.Project, t.kind(set)); err != nil {
				return err
			}
		}
		for _, key := range gone {
			if err := tx.DeleteDocument(t.Project, t.kind(set), key); err != nil && sluice.KindOf(err) != sluice.NotFound {
				return err
			}
		}
		return nil
	})
}

func (c *Control) eachTagged(ctx context.Context, things []Tagged, fn func(meta.Tx, Tagged) error) error {
	if len(things) == 0 {
		return tagError("resourceId is empty")
	}
	return c.store.Update(ctx, func(tx meta.Tx) error {
		for _, t := range things {
			if err := t.require(tx); err != nil {
				return err
			}
			if err := fn(tx, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// TagQuery chooses tags.
type TagQuery struct {
	Type     string
	Things   []Tagged // nil means all of the type in Projects
	Projects []string
	Tags     []TagFilter // a thing must have all of them, and only they are returned; nil means all
	Owner    string      // of system tags; "" means all
	Token    string      // where the page before this one ended
}

// TagFilter chooses tags by key, and by value if that is not nil.
type TagFilter struct {
	Key   *string
	Value *string
}

func (f TagFilter) match(t Tag) bool {
	return (f.Key == nil || *f.Key == t.Key) && (f.Value == nil || *f.Value == t.Value)
}

// TaggedWith is one tag of one thing.
type TaggedWith struct {
	Tagged
	Tag
}

// Tags returns one page of the tags that q chooses, by thing and key, and the token of the next page, "" if there is none.
func (c *Control) Tags(ctx context.Context, set TagSet, q TagQuery) (page []TaggedWith, next string, err error) {
	if err := checkTagType(strings.ToLower(q.Type)); err != nil {
		return nil, "", err
	}
	after, err := base64.RawURLEncoding.DecodeString(q.Token)
	if err != nil {
		return nil, "", tagError("nextToken %.80q was not given by this server", q.Token)
	}
	var all []TaggedWith
	err = c.store.View(ctx, func(tx meta.Tx) (err error) {
		things := q.Things
		if things == nil {
			if things, err = taggedIn(tx, set, strings.ToLower(q.Type), q.Projects); err != nil {
				return err
			}
		}
		all, err = tagsOf(tx, set, things, q)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	slices.SortFunc(all, func(a, b TaggedWith) int { return strings.Compare(a.position(), b.position()) })
	if len(after) > 0 {
		all = slices.DeleteFunc(all, func(t TaggedWith) bool { return t.position() <= string(after) })
	}
	if len(all) <= tagPage {
		return all, "", nil
	}
	return all[:tagPage], base64.RawURLEncoding.EncodeToString([]byte(all[tagPage-1].position())), nil
}

// position is where a tag is in the order of lists.
func (t TaggedWith) position() string { return t.ID() + "\x00" + t.Key }

// taggedIn finds the things of a type in projects that have tags.
func taggedIn(tx meta.Tx, set TagSet, kind string, projects []string) (things []Tagged, err error) {
	for _, p := range projects {
		if kind == "project" {
			things = append(things, Tagged{Type: kind, Project: p})
			continue
		}
		kinds, err := tx.DocumentKinds(p, taggedKinds[kind]+"/")
		if err != nil {
			return nil, err
		}
		for _, k := range kinds {
			if name, ok := strings.CutSuffix(strings.TrimPrefix(k, taggedKinds[kind]+"/"), "/"+string(set)); ok {
				things = append(things, Tagged{Type: kind, Project: p, Name: name})
			}
		}
	}
	return things, nil
}

// tagsOf reads the tags of things that q chooses.
func tagsOf(tx meta.Tx, set TagSet, things []Tagged, q TagQuery) (all []TaggedWith, err error) {
	for _, t := range things {
		docs, err := tx.Documents(t.Project, t.kind(set))
		if err != nil {
			return nil, err
		}
		var own []Tag
		for _, d := range docs {
			var s storedTag
			if err := json.Unmarshal(d.Body, &s); err != nil {
				return nil, err
			}
			if q.Owner == "" || q.Owner == s.Owner {
				own = append(own, Tag{Key: d.Name, Value: s.Value, Owner: s.Owner, Scope: s.Scope})
			}
		}
		if slices.ContainsFunc(q.Tags, func(f TagFilter) bool { return !slices.ContainsFunc(own, f.match) }) {
			continue
		}
		for _, tag := range own {
			if len(q.Tags) == 0 || slices.ContainsFunc(q.Tags, func(f TagFilter) bool { return f.match(tag) }) {
				all = append(all, TaggedWith{t, tag})
			}
		}
	}
	return all, nil
}

// Logstore is the logstore that the thing is, "" if it is none.
func (t Tagged) Logstore() string {
	if t.Type == "logstore" {
		return t.Name
	}
	return ""
}
