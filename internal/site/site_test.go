package site_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/delivery/category"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/site"
)

func open(t *testing.T) (*site.Sites, *catalogtest.Env) {
	t.Helper()
	e := catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1})
	return site.New(e.Catalog, e.Meta, site.Options{Now: e.Clock.Now}), e
}

func TestLifeOfASite(t *testing.T) {
	sites, e := open(t)
	made, err := sites.Create(t.Context(), site.Site{Name: "Example.com.", Coverage: "domestic"})
	if err != nil {
		t.Fatal(err)
	}
	if made.Name != "example.com" || made.ID < 1e14 || made.ID >= 1e15 {
		t.Errorf("made %+v", made)
	}
	got, err := sites.Get(t.Context(), made.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, got); diff != "" {
		t.Error(diff)
	}
	for _, c := range category.All() {
		ref, _, err := site.Ref(made.ID, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Catalog.Index(t.Context(), ref)
		if (err == nil) != (c.Scope == category.Site) {
			t.Errorf("category %s, logstore %s: %v", c.ID, ref, err)
		}
	}
	for _, again := range []site.Site{{Name: "example.com"}, {Name: "other.com", ID: made.ID}} {
		if _, err := sites.Create(t.Context(), again); sluice.KindOf(err) != sluice.AlreadyExists {
			t.Errorf("%+v again: %v", again, err)
		}
	}
	for _, bad := range []string{"", "a b", "http://x", "x/../y", strings.Repeat("a", 300), "a\nb"} {
		if _, err := sites.Create(t.Context(), site.Site{Name: bad}); sluice.KindOf(err) != sluice.Invalid {
			t.Errorf("name %q: %v", bad, err)
		}
	}
	if all, err := sites.List(t.Context()); err != nil || len(all) != 1 || all[0] != made {
		t.Errorf("list: %+v, %v", all, err)
	}
	if err := sites.Delete(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := sites.Get(t.Context(), made.ID); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("after its end: %v", err)
	}
	if err := sites.Delete(t.Context(), made.ID); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("deleted again: %v", err)
	}
}

func TestAccountCategories(t *testing.T) {
	sites, e := open(t)
	for range 2 { // the second time nothing is missing
		if err := sites.Ensure(t.Context(), "", site.Account); err != nil {
			t.Fatal(err)
		}
	}
	ref, _, err := site.Ref(1, "dcdn_log_er")
	if err != nil || ref != (sluice.LogstoreRef{Project: site.Account, Logstore: "er"}) {
		t.Errorf("%v, %v", ref, err)
	}
	if _, err := e.Catalog.Index(t.Context(), ref); err != nil {
		t.Error(err)
	}
	if all, err := sites.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("the account is no site: %+v, %v", all, err)
	}
	if _, _, err := site.Ref(1, "dcdn_log_none"); sluice.KindOf(err) != sluice.Invalid {
		t.Errorf("a category that is not there: %v", err)
	}
}

func TestCustomLog(t *testing.T) {
	sites, _ := open(t)
	made, err := sites.Create(t.Context(), site.Site{Name: "example.com"})
	if err != nil {
		t.Fatal(err)
	}
	empty := site.CustomLog{RequestHeaders: []string{}, ResponseHeaders: []string{}, Cookies: []string{}}
	got, set, err := sites.CustomLog(t.Context(), made.ID)
	if diff := cmp.Diff(empty, got); diff != "" || set || err != nil {
		t.Error(diff, set, err)
	}
	for _, want := range []site.CustomLog{
		{RequestHeaders: []string{"X-Tenant"}, ResponseHeaders: []string{"a b"}, Cookies: []string{"s_id"}},
		{RequestHeaders: []string{}, ResponseHeaders: []string{}, Cookies: []string{"sid"}},
	} {
		if err := sites.SetCustomLog(t.Context(), made.ID, want); err != nil {
			t.Fatal(err)
		}
		got, set, err := sites.CustomLog(t.Context(), made.ID)
		if diff := cmp.Diff(want, got); diff != "" || !set || err != nil {
			t.Error(diff, set, err)
		}
	}
	for _, bad := range []string{"", "a:b", "ü", "a\n", strings.Repeat("a", 129)} {
		if err := sites.SetCustomLog(t.Context(), made.ID, site.CustomLog{Cookies: []string{bad}}); sluice.KindOf(err) != sluice.Invalid {
			t.Errorf("name %q: %v", bad, err)
		}
	}
	if err := sites.SetCustomLog(t.Context(), 1, empty); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("no such site: %v", err)
	}
}

// Of many who make sites of one name at once, one does, and nothing is left of what the others began.
func TestOneSiteOfAName(t *testing.T) {
	sites, e := open(t)
	const makers = 8
	var made, refused atomic.Int64
	var all sync.WaitGroup
	for range makers {
		all.Go(func() {
			_, err := sites.Create(t.Context(), site.Site{Name: "example.com"})
			switch {
			case err == nil:
				made.Add(1)
			case sluice.KindOf(err) == sluice.AlreadyExists:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if made.Load() != 1 || refused.Load() != makers-1 {
		t.Errorf("%d sites of one name were made, %d refused", made.Load(), refused.Load())
	}
	list, err := sites.List(t.Context())
	if err != nil || len(list) != 1 {
		t.Errorf("list: %+v, %v", list, err)
	}
	var projects []meta.Project
	if err := e.Meta.View(t.Context(), func(tx meta.Tx) (err error) {
		projects, err = tx.Projects()
		return err
	}); err != nil || len(projects) != 1 {
		t.Errorf("projects: %+v, %v", projects, err)
	}
}
