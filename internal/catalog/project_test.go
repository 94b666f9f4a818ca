package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
)

var ctx = context.Background()

func open(t *testing.T, o catalog.Options) *catalogtest.Env {
	return catalogtest.Open(t, o, shard.Options{})
}

// wantError fails unless err is of this kind and noun and says part of what a client looks for.
func wantError(t *testing.T, what string, err error, kind sluice.Kind, noun, part string) {
	t.Helper()
	var e *sluice.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Noun != noun || !strings.Contains(e.Msg, part) {
		t.Errorf("%s: error %v (%+v), want %v %q: %s", what, err, e, kind, noun, part)
	}
}

func TestProjectNames(t *testing.T) {
	env := open(t, catalog.Options{})
	for name, ok := range map[string]bool{
		"web": true, "0-9": true, strings.Repeat("a", 63): true,
		"": false, "ab": false, "Web": false, "-web": false, "web-": false, "we_b": false, "we.b": false, "../web": false,
		"web\n": false, strings.Repeat("a", 64): false,
	} {
		err := env.Catalog.CreateProject(ctx, meta.Project{Name: name})
		if ok && err != nil {
			t.Errorf("name %q: %v", name, err)
		}
		if !ok {
			wantError(t, fmt.Sprintf("name %q", name), err, sluice.Invalid, "parameter", "invalid")
		}
	}
}

func TestProjectLife(t *testing.T) {
	env := open(t, catalog.Options{})
	c := env.Catalog
	if err := c.CreateProject(ctx, meta.Project{Name: "web", Description: "first", ResourceGroupID: "rg"}); err != nil {
		t.Fatal(err)
	}
	made := env.Clock.Now()
	wantError(t, "create again", c.CreateProject(ctx, meta.Project{Name: "web"}), sluice.AlreadyExists, "project", "Project web already exist")
	wantError(t, "redundancy", c.CreateProject(ctx, meta.Project{Name: "two", DataRedundancy: "XRS"}), sluice.Invalid, "parameter", "XRS")

	env.Clock.Advance(1e9)
	err := c.UpdateProject(ctx, "web", func(p *meta.Project) { p.Name, p.Description, p.Created = "other", "second", env.Clock.Now() })
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Project(ctx, "web")
	want := meta.Project{Name: "web", Description: "second", ResourceGroupID: "rg", DataRedundancy: "LRS", Created: made, Modified: env.Clock.Now()}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("project after update, error %v: %s", err, d)
	}

	if err := c.DeleteProject(ctx, "web"); err != nil {
		t.Fatal(err)
	}
	_, err = c.Project(ctx, "web")
	wantError(t, "get", err, sluice.NotFound, "project", "The Project does not exist: web")
	wantError(t, "update", c.UpdateProject(ctx, "web", func(*meta.Project) {}), sluice.NotFound, "project", "")
	wantError(t, "delete", c.DeleteProject(ctx, "web"), sluice.NotFound, "project", "")
	wantError(t, "create logstore", c.CreateLogstore(ctx, logstore("access"), 1), sluice.NotFound, "project", "")
	_, _, err = c.Logstores(ctx, "web", catalog.LogstoreFilter{})
	wantError(t, "list logstores", err, sluice.NotFound, "project", "")
}

func TestProjectsFilterAndPages(t *testing.T) {
	env := open(t, catalog.Options{})
	for _, p := range []meta.Project{
		{Name: "app-one", Description: "The First"}, {Name: "app-two", ResourceGroupID: "rg"}, {Name: "web", Description: "first of all"},
	} {
		if err := env.Catalog.CreateProject(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		filter catalog.ProjectFilter
		want   string
		total  int
	}{
		{catalog.ProjectFilter{}, "app-one app-two web", 3},
		{catalog.ProjectFilter{Name: "app"}, "app-one app-two", 2},
		{catalog.ProjectFilter{Description: "FIRST"}, "app-one web", 2},
		{catalog.ProjectFilter{ResourceGroupID: "rg"}, "app-two", 1},
		{catalog.ProjectFilter{Offset: 1, Size: 1}, "app-two", 3},
		{catalog.ProjectFilter{Offset: 7}, "", 3},
		{catalog.ProjectFilter{Name: "nothing"}, "", 0},
	} {
		page, total, err := env.Catalog.Projects(ctx, tt.filter)
		names := []string{}
		for _, p := range page {
			names = append(names, p.Name)
		}
		if got := strings.Join(names, " "); got != tt.want || total != tt.total || err != nil || page == nil {
			t.Errorf("%+v: %q of %d (%v), want %q of %d", tt.filter, got, total, err, tt.want, tt.total)
		}
	}
	for _, f := range []catalog.ProjectFilter{{Offset: -1}, {Size: -1}, {Size: 501}} {
		_, _, err := env.Catalog.Projects(ctx, f)
		wantError(t, fmt.Sprintf("%+v", f), err, sluice.Invalid, "parameter", "")
	}
}

// An account has as many projects as it may, and not one more; another account's do not count.
func TestProjectQuota(t *testing.T) {
	c := open(t, catalog.Options{MaxProjectsPerAccount: 2}).Catalog
	create := func(name, account string) error {
		return c.CreateProject(ctx, meta.Project{Name: name, Account: account})
	}
	for _, p := range []struct{ name, account string }{{"one", "a"}, {"two", "a"}, {"three", "b"}} {
		if err := create(p.name, p.account); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, "one more", create("four", "a"), sluice.Throttled, "quota", "the account has 2 projects, the quota is 2")
	wantError(t, "a name that is taken", create("two", "a"), sluice.AlreadyExists, "project", "")
	if err := create("four", "b"); err != nil { // what was refused left nothing
		t.Fatal(err)
	}
	if err := c.DeleteProject(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	if err := create("five", "a"); err != nil {
		t.Error(err)
	}
}

// However many ask at once, the quota is not passed.
func TestProjectQuotaAtOnce(t *testing.T) {
	c := open(t, catalog.Options{MaxProjectsPerAccount: 5}).Catalog
	var made atomic.Int64
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			err := c.CreateProject(ctx, meta.Project{Name: fmt.Sprintf("project-%d", i), Account: "a"})
			if err == nil {
				made.Add(1)
			} else if sluice.KindOf(err) != sluice.Throttled {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := made.Load(); n != 5 {
		t.Errorf("%d projects were made, want 5", n)
	}
}
