package control_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/meta"
)

func thing(t *testing.T, kind, id string) control.Tagged {
	t.Helper()
	g, err := control.ParseTagged(kind, id)
	must(t, err)
	return g
}

func TestNamesOfTaggedThings(t *testing.T) {
	for _, c := range [][2]string{
		{"project", "web"}, {"PROJECT", "web"}, {"logstore", "web#access"}, {"dashboard", "web#a#b"}, {"machinegroup", "web#g"}, {"logtailconfig", "web#c"},
	} {
		if got := thing(t, c[0], c[1]).ID(); got != c[1] {
			t.Errorf("%s %s: got id %s", c[0], c[1], got)
		}
	}
	for _, c := range [][2]string{
		{"project", "web#x"}, {"project", ""}, {"logstore", "web"}, {"logstore", "web#"}, {"logstore", "#x"}, {"logstore", "web#a/tag"}, {"shard", "web#0"}, {"", "web"},
	} {
		_, err := control.ParseTagged(c[0], c[1])
		wantError(t, fmt.Sprint(c), err, sluice.Invalid, "parameter")
	}
}

func TestTags(t *testing.T) {
	e := open(t, control.Options{})
	ctx := t.Context()
	must(t, e.Create(ctx, web, control.Dashboards, []byte(`{"dashboardName":"d"}`)))
	project, store, board := thing(t, "project", "web"), thing(t, "logstore", "web#access"), thing(t, "dashboard", "web#d")
	must(t, e.Tag(ctx, control.UserTags, []control.Tagged{project}, []control.Tag{{Key: "team", Value: "a"}, {Key: "tier", Value: "1"}}))
	must(t, e.Tag(ctx, control.UserTags, []control.Tagged{store}, []control.Tag{{Key: "team", Value: "b"}, {Key: "a/b", Value: ""}}))
	must(t, e.Tag(ctx, control.UserTags, []control.Tagged{store}, []control.Tag{{Key: "team", Value: "c"}}))
	must(t, e.Tag(ctx, control.SystemTags, []control.Tagged{store, board}, []control.Tag{{Key: "sys", Value: "s", Owner: "7", Scope: "x"}}))
	wantError(t, "one is missing", e.Tag(ctx, control.UserTags, []control.Tagged{project, thing(t, "logstore", "web#none")}, []control.Tag{{Key: "new", Value: ""}}), sluice.NotFound, "logstore")
	wantError(t, "no tags", e.Tag(ctx, control.UserTags, []control.Tagged{project}, nil), sluice.Invalid, "parameter")
	wantError(t, "no things", e.Tag(ctx, control.UserTags, nil, []control.Tag{{Key: "k"}}), sluice.Invalid, "parameter")
	wantError(t, "no key", e.Tag(ctx, control.UserTags, []control.Tagged{project}, []control.Tag{{}}), sluice.Invalid, "parameter")
	var many []control.Tag
	for i := range 21 {
		many = append(many, control.Tag{Key: fmt.Sprint("k", i)})
	}
	wantError(t, "21 at once", e.Tag(ctx, control.UserTags, []control.Tagged{project}, many), sluice.Invalid, "body")
	wantError(t, "21 of one thing", e.Tag(ctx, control.UserTags, []control.Tagged{project}, many[:19]), sluice.Throttled, "quota")

	list := func(set control.TagSet, q control.TagQuery) []string {
		t.Helper()
		tags, next, err := e.Tags(ctx, set, q)
		must(t, err)
		if next != "" {
			t.Errorf("a page of %d has a next one", len(tags))
		}
		var got []string
		for _, tag := range tags {
			got = append(got, tag.ID()+" "+tag.Key+"="+tag.Value)
		}
		return got
	}
	want := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	team, c := "team", "c"
	want("of the project", list(control.UserTags, control.TagQuery{Type: "project", Projects: []string{"other", "web"}}), "web team=a", "web tier=1")
	want("of logstores", list(control.UserTags, control.TagQuery{Type: "logstore", Projects: []string{"web"}}), "web#access a/b=", "web#access team=c")
	want("by key", list(control.UserTags, control.TagQuery{Type: "logstore", Things: []control.Tagged{store}, Tags: []control.TagFilter{{Key: &team}}}), "web#access team=c")
	want("by key and value", list(control.UserTags, control.TagQuery{Type: "project", Things: []control.Tagged{project}, Tags: []control.TagFilter{{Key: &team, Value: &c}}}))
	want("of systems", list(control.SystemTags, control.TagQuery{Type: "dashboard", Projects: []string{"web"}, Owner: "7"}), "web#d sys=s")
	want("of another owner", list(control.SystemTags, control.TagQuery{Type: "dashboard", Projects: []string{"web"}, Owner: "8"}))

	must(t, e.Untag(ctx, control.UserTags, []control.Tagged{project}, []string{"tier", "none"}, false))
	must(t, e.Untag(ctx, control.UserTags, []control.Tagged{store}, nil, true))
	want("after taking one", list(control.UserTags, control.TagQuery{Type: "project", Things: []control.Tagged{project}}), "web team=a")
	want("after taking all", list(control.UserTags, control.TagQuery{Type: "logstore", Projects: []string{"web"}}))

	must(t, e.Delete(ctx, web, control.Dashboards, "d"))
	must(t, e.store.Update(ctx, func(tx meta.Tx) error {
		return tx.DeleteLogstore(sluice.LogstoreRef{Project: "web", Logstore: "access"})
	}))
	want("of a dashboard that is gone", list(control.SystemTags, control.TagQuery{Type: "dashboard", Projects: []string{"web"}}))
	want("of a logstore that is gone", list(control.SystemTags, control.TagQuery{Type: "logstore", Projects: []string{"web"}}))
}

// All pages together are all tags, also when some are taken meanwhile.
func TestPagesOfTags(t *testing.T) {
	e := open(t, control.Options{})
	ctx := t.Context()
	for i := range 13 {
		name := fmt.Sprintf("d%02d", i)
		must(t, e.Create(ctx, web, control.Dashboards, fmt.Appendf(nil, `{"dashboardName":%q}`, name)))
		var tags []control.Tag
		for k := range 20 {
			tags = append(tags, control.Tag{Key: fmt.Sprintf("k%02d", k)})
		}
		must(t, e.Tag(ctx, control.UserTags, []control.Tagged{thing(t, "dashboard", "web#"+name)}, tags))
	}
	var got []string
	for q := (control.TagQuery{Type: "dashboard", Projects: []string{"web"}}); ; {
		page, next, err := e.Tags(ctx, control.UserTags, q)
		must(t, err)
		for _, tag := range page {
			got = append(got, tag.ID()+tag.Key)
		}
		if next == "" {
			break
		}
		must(t, e.Delete(ctx, web, control.Dashboards, page[0].Name)) // of a page that was read
		q.Token = next
	}
	if len(got) != 260 || !slices.IsSorted(got) || len(slices.Compact(got)) != 260 {
		t.Errorf("got %d tags, want 260 in order", len(got))
	}
	_, _, err := e.Tags(ctx, control.UserTags, control.TagQuery{Type: "dashboard", Token: "*"})
	wantError(t, "a token of nobody", err, sluice.Invalid, "parameter")
}
