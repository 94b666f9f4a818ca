package control_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// web is where most documents of these tests lie, and account where those of no project do.
var (
	web     = control.Place{Scope: "web"}
	access  = control.Place{Scope: "web", Logstore: "access"}
	account = control.Place{Scope: meta.AccountScope("1")}
)

// env is a control plane over a real store with a project and a logstore, and a clock that tells one second more each time.
type env struct {
	*control.Control
	store meta.Store
}

func open(t testing.TB, o control.Options) env {
	t.Helper()
	dir := t.TempDir()
	store, err := sqlite.Open(filepath.Join(dir, "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	err = store.Update(t.Context(), func(tx meta.Tx) error {
		return errors.Join(
			tx.CreateProject(meta.Project{Name: "web"}), tx.CreateProject(meta.Project{Name: "other"}),
			tx.CreateLogstore(meta.Logstore{Project: "web", Name: "access"}),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := auth.LoadOrCreateKeyring(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	return env{control.New(store, ring, o), store}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantError checks kind and noun.
func wantError(t *testing.T, what string, err error, kind sluice.Kind, noun string) {
	t.Helper()
	var e *sluice.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Noun != noun || e.Msg == "" {
		t.Errorf("%s: got error %v, want %v [%s]", what, err, kind, noun)
	}
}

func config(name string) []byte {
	return fmt.Appendf(nil, `{"configName":%q,"inputType":"file","inputDetail":{"logType":"json_log","logPath":"/","filePattern":"*"},"outputDetail":{"logstoreName":"access"}}`, name)
}

func group(name string) []byte {
	return fmt.Appendf(nil, `{"groupName":%q,"machineIdentifyType":"ip","machineList":["a"]}`, name)
}

// jsonValue generates any JSON that has a value in Go.
func jsonValue(depth int) *rapid.Generator[any] {
	scalars := []*rapid.Generator[any]{
		rapid.String().AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil),
		rapid.Custom(func(t *rapid.T) any {
			return json.Number(rapid.StringMatching(`-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?`).Draw(t, "number"))
		}),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	inner := rapid.Deferred(func() *rapid.Generator[any] { return jsonValue(depth - 1) })
	return rapid.OneOf(append(scalars, rapid.SliceOfN(inner, 0, 4).AsAny(), rapid.MapOfN(rapid.String(), inner, 0, 4).AsAny())...)
}

// decode reads JSON with numbers as they were written.
func decode(t interface{ Fatal(...any) }, raw []byte) any {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// What a client stores in members that nobody here knows comes back as it was: any JSON, down to the digits of numbers.
func TestUnknownMembersSurvive(t *testing.T) {
	e := open(t, control.Options{PerKind: 1 << 20})
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		extra := jsonValue(3).Draw(t, "extra")
		n++
		name := fmt.Sprintf("c%d", n)
		want := decode(t, config(name)).(map[string]any)
		want["unknown"] = extra
		raw, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Create(t.Context(), web, control.Configs, raw); err != nil {
			t.Fatal(err)
		}
		d, err := e.Get(t.Context(), web, control.Configs, name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(d["unknown"])
		if err != nil {
			t.Fatal(err)
		}
		wanted, _ := json.Marshal(extra)
		if !bytes.Equal(got, wanted) {
			t.Fatalf("sent %s, got %s", wanted, got)
		}
	})
}

// Documents that are refused, whatever their kind would say to them.
func TestHostileDocuments(t *testing.T) {
	e := open(t, control.Options{})
	deep := strings.Repeat(`[`, 70) + strings.Repeat(`]`, 70)
	for what, raw := range map[string]string{
		"nothing":            ``,
		"null":               `null`,
		"an array":           `[]`,
		"a text":             `"x"`,
		"two documents":      `{"groupName":"ggg"}{"groupName":"ggg"}`,
		"a comma too many":   `{"groupName":"ggg",}`,
		"not UTF-8":          "{\"groupName\":\"\xff\"}",
		"a member twice":     `{"groupName":"ggg","groupName":"hhh"}`,
		"a member twice, in": `{"groupName":"ggg","a":[{"b":1,"b":2}]}`,
		"the same escaped":   `{"groupName":"ggg","\u0067roupName":"hhh"}`,
		"too deep":           `{"groupName":"ggg","a":` + deep + `}`,
		"no name":            `{"a":1}`,
		"name is a number":   `{"groupName":1}`,
		"name is null":       `{"groupName":null}`,
		"empty name":         `{"groupName":""}`,
		"name with a slash":  `{"groupName":"a/b/c"}`,
		"name of dots":       `{"groupName":".."}`,
		"a name of 1 MB":     `{"groupName":"` + strings.Repeat("a", 1<<20) + `"}`,
	} {
		err := e.Create(t.Context(), web, control.MachineGroups, []byte(raw))
		wantError(t, what, err, sluice.Invalid, "machinegroup")
		if len(fmt.Sprint(err)) > 500 {
			t.Errorf("%s: an error of %d bytes", what, len(err.Error()))
		}
	}
	if l, err := e.List(t.Context(), web, control.MachineGroups, control.Query{}); err != nil || l.Total != 0 {
		t.Errorf("%d groups were stored, %v", l.Total, err)
	}
}

// FuzzParse takes any bytes: what is accepted reads the same after it was written.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a":[{"b":1.50,"c":null}],"d":"\u00e4<"}`))
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Add([]byte("{\"\xff\":1}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := control.Parse(control.Dashboards, raw)
		if err != nil {
			if sluice.KindOf(err) != sluice.Invalid {
				t.Errorf("got error %v", err)
			}
			return
		}
		out, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		again, err := control.Parse(control.Dashboards, out)
		if err != nil || len(again) != len(d) {
			t.Errorf("%q was written as %q: %v", raw, out, err)
		}
	})
}

// The life of a document, with the times that it has.
func TestLife(t *testing.T) {
	now := time.Unix(1_000, 0)
	e := open(t, control.Options{Now: func() time.Time { now = now.Add(time.Second); return now }})
	ctx := t.Context()
	must(t, e.Create(ctx, web, control.Configs, config("files")))
	wantError(t, "made twice", e.Create(ctx, web, control.Configs, config("files")), sluice.AlreadyExists, "config")
	wantError(t, "another name", e.Update(ctx, web, control.Configs, "files", config("others")), sluice.Invalid, "name")
	wantError(t, "missing", e.Update(ctx, web, control.Configs, "none", config("none")), sluice.NotFound, "config")
	wantError(t, "missing", e.Delete(ctx, web, control.Configs, "none"), sluice.NotFound, "config")
	wantError(t, "missing project", e.Create(ctx, control.Place{Scope: "none"}, control.Configs, config("files")), sluice.NotFound, "project")
	_, err := e.Get(ctx, control.Place{Scope: "none"}, control.Configs, "files")
	wantError(t, "get in a missing project", err, sluice.NotFound, "project")
	_, err = e.Get(ctx, control.Place{Scope: "web", Logstore: "none"}, control.SubStores, "s")
	wantError(t, "get below a missing logstore", err, sluice.NotFound, "logstore")

	nameless := bytes.Replace(config("files"), []byte(`"configName":"files",`), nil, 1)
	must(t, e.Update(ctx, web, control.Configs, "files", nameless))
	d, err := e.Get(ctx, web, control.Configs, "files")
	must(t, err)
	if d.Text("configName") != "files" || string(d["createTime"]) != "1001" || string(d["lastModifyTime"]) <= "1001" {
		t.Errorf("got %v", d)
	}
	must(t, e.Delete(ctx, web, control.Configs, "files"))
	_, err = e.Get(ctx, web, control.Configs, "files")
	wantError(t, "deleted", err, sluice.NotFound, "config")
}

func TestQuota(t *testing.T) {
	e := open(t, control.Options{PerKind: 2})
	must(t, e.Create(t.Context(), web, control.Configs, config("a1")))
	must(t, e.Create(t.Context(), web, control.Configs, config("a2")))
	wantError(t, "one too many", e.Create(t.Context(), web, control.Configs, config("a3")), sluice.Throttled, "quota")
	must(t, e.Create(t.Context(), web, control.MachineGroups, group("g-1"))) // another kind
	must(t, e.Delete(t.Context(), web, control.Configs, "a1"))
	must(t, e.Create(t.Context(), web, control.Configs, config("a3"))) // where one went there is room for one
	wantError(t, "one too many again", e.Create(t.Context(), web, control.Configs, config("a4")), sluice.Throttled, "quota")
	must(t, e.Create(t.Context(), control.Place{Scope: "other"}, control.Configs, config("a1")))
}

// Of many who make a document of one name, one does.
func TestOneOfManyMakesIt(t *testing.T) {
	e := open(t, control.Options{})
	var g errgroup.Group
	made := make(chan bool, 32)
	for range cap(made) {
		g.Go(func() error {
			err := e.Create(t.Context(), web, control.Configs, config("one"))
			made <- err == nil
			if err != nil && sluice.KindOf(err) != sluice.AlreadyExists {
				return err
			}
			return nil
		})
	}
	must(t, g.Wait())
	close(made)
	n := 0
	for ok := range made {
		if ok {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d made it, want 1", n)
	}
}

// Pages of every size, with and without conditions, put together are the list.
func TestPages(t *testing.T) {
	e := open(t, control.Options{PerKind: 100})
	var all []string
	for i := range 37 {
		name := fmt.Sprintf("dash-%02d", i)
		all = append(all, name)
		must(t, e.Create(t.Context(), web, control.Dashboards, fmt.Appendf(nil, `{"dashboardName":%q,"displayName":"%d"}`, name, i%3)))
	}
	others := []control.Document{{"dashboardName": []byte(`"aaa"`)}, {"dashboardName": []byte(`"dash-05x"`)}, {"dashboardName": []byte(`"zzz"`)}}
	for what, c := range map[string]struct {
		q    control.Query
		want []string
	}{
		"all":        {control.Query{}, all},
		"part":       {control.Query{Name: "-1"}, all[10:20]},
		"named":      {control.Query{Names: []string{"dash-03", "none", "dash-01"}}, []string{"dash-01", "dash-03"}},
		"none named": {control.Query{Names: []string{}}, nil},
		"matching":   {control.Query{Name: "-0", Match: func(d control.Document) bool { return d.Text("displayName") == "0" }}, []string{"dash-00", "dash-03", "dash-06", "dash-09"}},
		"others":     {control.Query{Bodies: true, Others: others}, slices.Concat([]string{"aaa"}, all[:6], []string{"dash-05x"}, all[6:], []string{"zzz"})},
	} {
		for _, size := range []int{1, 7, 100, 0} {
			var got []string
			for q := c.q; ; q.Offset = len(got) {
				q.Size = size
				l, err := e.List(t.Context(), web, control.Dashboards, q)
				must(t, err)
				if l.Total != len(c.want) || q.Bodies && len(l.Documents) != len(l.Names) {
					t.Errorf("%s: got total %d and %d documents of %d names, want total %d", what, l.Total, len(l.Documents), len(l.Names), len(c.want))
				}
				if got = append(got, l.Names...); len(l.Names) == 0 {
					break
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s in pages of %d: got %q, want %q", what, size, got, c.want)
			}
		}
	}
}

// A page of large documents ends early, and the next one goes on.
func TestLargePagesEndEarly(t *testing.T) {
	e := open(t, control.Options{})
	for i := range 12 {
		raw := fmt.Appendf(nil, `{"dashboardName":"d%02d","description":%q}`, i, strings.Repeat("x", 1<<20-100))
		must(t, e.Create(t.Context(), web, control.Dashboards, raw))
	}
	read := 0
	for {
		l, err := e.List(t.Context(), web, control.Dashboards, control.Query{Bodies: true, Offset: read})
		must(t, err)
		if l.Total != 12 || len(l.Names) > 9 {
			t.Fatalf("got %d of %d on one page", len(l.Names), l.Total)
		}
		if read += len(l.Names); len(l.Names) == 0 {
			break
		}
	}
	if read != 12 {
		t.Errorf("read %d documents, want 12", read)
	}
}
