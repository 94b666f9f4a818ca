package reindex_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/reindex"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/vfs"
)

const project = "web"

// place is the jobs of an indexed logstore, over an indexer that works when it is told to.
type place struct {
	t       *testing.T
	control *control.Control
	index   *indexer.Indexer
	jobs    *reindex.Jobs
}

func open(t *testing.T) *place {
	t.Helper()
	env := catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1})
	env.CreateLogstore(1)
	p := &place{t: t}
	p.must(env.Catalog.CreateIndex(t.Context(), catalogtest.Ref, json.RawMessage(`{"line":{"token":[" "]}}`)))
	ring, err := auth.LoadOrCreateKeyring(filepath.Join(t.TempDir(), "key"))
	p.must(err)
	dir, err := objects.OpenDir(vfs.NewMem(), "o")
	p.must(err)
	p.index, err = indexer.New(t.Context(), env.Meta, env.Catalog, dir, indexer.Options{Now: env.Clock.Now})
	p.must(err)
	p.control = control.New(env.Meta, ring, control.Options{Now: env.Clock.Now})
	p.jobs = reindex.New(p.control, p.index, env.Clock.Now)
	return p
}

func (p *place) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) create(name string) error {
	raw := fmt.Appendf(nil, `{"name":%q,"type":"RebuildIndex","configuration":{"logstore":%q}}`, name, catalogtest.Ref.Logstore)
	return p.jobs.Create(p.t.Context(), project, raw, func(string) (bool, error) { return false, nil })
}

func (p *place) get(name string) control.Document {
	p.t.Helper()
	d, err := p.control.Get(p.t.Context(), control.Place{Scope: project}, control.Jobs, name)
	p.must(err)
	return d
}

func (p *place) want(name, state string) {
	p.t.Helper()
	d := p.get(name)
	p.must(p.jobs.Show(p.t.Context(), project, d))
	if d.Text("status") != state {
		p.t.Errorf("job %s is %s, want %s (%s)", name, d.Text("status"), state, d["executionDetails"])
	}
}

// One job of a logstore runs at a time. How each ended is known after others have run.
func TestStatesOfJobs(t *testing.T) {
	p, ctx := open(t), t.Context()
	p.must(p.create("one"))
	p.want("one", "RUNNING")
	if err := p.create("two"); sluice.KindOf(err) != sluice.AlreadyExists {
		t.Errorf("while one runs: got %v", err)
	}
	if _, err := p.control.Get(ctx, control.Place{Scope: project}, control.Jobs, "two"); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("a job that did not begin is there: %v", err)
	}
	p.must(p.jobs.Stop(ctx, project, p.get("one")))
	p.want("one", "STOPPED")
	if err := p.jobs.Stop(ctx, project, p.get("one")); sluice.KindOf(err) != sluice.Conflict {
		t.Errorf("stopped twice: got %v", err)
	}
	p.must(p.create("two"))
	p.must(p.index.Round(ctx))
	p.want("two", "SUCCEEDED")
	p.must(p.jobs.Start(ctx, catalogtest.Ref, true))
	p.want("one", "STOPPED")
	p.want("two", "SUCCEEDED")
}

// A job that is deleted runs no more.
func TestDeleteStops(t *testing.T) {
	p, ctx := open(t), t.Context()
	p.must(p.create("one"))
	p.must(p.jobs.Delete(ctx, project, p.get("one")))
	r, err := p.index.Rebuild(ctx, catalogtest.Ref)
	p.must(err)
	if !r.Canceled {
		t.Errorf("got %+v", r)
	}
	p.must(p.create("one"))
	p.want("one", "RUNNING")
}

// Whoever writes a document of the type by other ways has a job that failed, and not another's.
func TestAJobThatNeverBegan(t *testing.T) {
	p, ctx := open(t), t.Context()
	p.must(p.control.Create(ctx, control.Place{Scope: project}, control.Jobs, []byte(
		`{"name":"made","type":"RebuildIndex","status":"RUNNING","configuration":{"logstore":"access"}}`)))
	p.want("made", "FAILED")
	if err := p.jobs.Stop(ctx, project, p.get("made")); sluice.KindOf(err) != sluice.Conflict {
		t.Errorf("got %v", err)
	}
}
