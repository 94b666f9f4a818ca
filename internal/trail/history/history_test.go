package history_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/history"
	"github.com/sluicelog/sluice/internal/trail/ledger"
	"github.com/sluicelog/sluice/internal/trail/shape"
	"github.com/sluicelog/sluice/internal/vfs"
)

// env is a log of events, and what was written to it.
type env struct {
	*catalogtest.Env
	t       *testing.T
	door    *ingest.Door
	index   *indexer.Indexer
	history *history.History
	events  []*trail.Event
}

func newEnv(t *testing.T, limits ...int) *env {
	t.Helper()
	e := &env{Env: catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1}), t: t}
	if _, err := ledger.OpenLog(t.Context(), e.Catalog); err != nil {
		t.Fatal(err)
	}
	dir, err := objects.OpenDir(vfs.OS{}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	if e.index, err = indexer.New(t.Context(), e.Meta, e.Catalog, dir, indexer.Options{Now: e.Clock.Now, BatchBytes: 20_000}); err != nil {
		t.Fatal(err)
	}
	e.door = ingest.New(e.Catalog, ingest.Options{Past: -1, Future: 15 * time.Minute, Now: e.Clock.Now})
	engine := query.New(e.Catalog, e.index, query.Options{Now: e.Clock.Now, SQL: query.SQLOptions{Files: dir}})
	t.Cleanup(func() { _ = engine.Close() })
	e.history = history.New(engine, trail.Events, history.Options{Now: e.Clock.Now, PerSecond: append(limits, 0)[0]})
	return e
}

// write appends events as one log group.
func (e *env) write(events ...*trail.Event) {
	e.t.Helper()
	g := &sluice.LogGroup{}
	for _, v := range events {
		v.Seq = uint64(len(e.events) + 1)
		e.events = append(e.events, v)
		text, err := json.Marshal(v)
		if err != nil {
			e.t.Fatal(err)
		}
		g.Records = append(g.Records, trail.ToRecord(v, text, trail.Hash{}))
	}
	if _, _, err := e.door.Append(e.t.Context(), trail.Events, g); err != nil {
		e.t.Fatal(err)
	}
}

var accounts = []string{"1000000000000001", "1000000000000002", "10"}

// random makes an event that happened a while ago; many happen in the same millisecond.
func random(r *rand.Rand, n int, at time.Time) *trail.Event {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	v := &trail.Event{
		ID: fmt.Sprintf("00000000-0000-7000-8000-%012d", n), Time: at, Received: at, Category: trail.Management, Type: trail.APICall, ReadOnly: r.IntN(2) == 0,
		Service: pick(trail.ServiceSLS, trail.ServiceRAM, trail.ServiceECS), Name: pick("CreateLogStore", "ListUsers", "Create", "RunCommand"),
		Account: pick(accounts...), Identity: trail.Identity{Kind: trail.User, User: pick("ops", "dev", "o\"ps\\", "a b")},
		Source: netip.MustParseAddr("192.0.2.1"),
	}
	if r.IntN(4) == 0 {
		v.Category = trail.Data
	}
	if r.IntN(3) == 0 {
		v.Identity = trail.Identity{Kind: trail.Role, Role: "deployer", Session: pick("1", "2")}
	}
	v.Identity.Account, v.Identity.AccessKey = v.Account, pick("AK1", "AK2", "STS.AK1")
	for range r.IntN(3) {
		v.Resources = append(v.Resources, trail.Resource{Type: pick("ACS::SLS::Project", "ACS::SLS::Logstore"), Name: pick("web", "app", "web-2")})
	}
	return v
}

// want are the ids of the events that a query finds, in order.
func (e *env) want(account string, q history.Query, match func(*trail.Event) bool) []string {
	var found []*trail.Event
	for _, v := range e.events {
		second := v.Time.Truncate(time.Second)
		in := (q.Start.IsZero() || !second.Before(q.Start)) && (q.End.IsZero() || !second.After(q.End))
		if v.Account == account && (q.Data || v.Category == trail.Management) && in && match(v) {
			found = append(found, v)
		}
	}
	slices.SortFunc(found, func(a, b *trail.Event) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Seq, b.Seq)) })
	if !q.OldestFirst {
		slices.Reverse(found)
	}
	return ids(found)
}

func ids(events []*trail.Event) []string {
	all := []string{}
	for _, v := range events {
		all = append(all, v.ID)
	}
	return all
}

// walk is all pages of a query, each as long as it may be.
func (e *env) walk(account string, q history.Query) []string {
	e.t.Helper()
	all := []string{}
	var first history.Page
	for n := 0; ; n++ {
		page, err := e.history.Lookup(e.t.Context(), account, q)
		if err != nil {
			e.t.Fatal(err)
		}
		if n == 0 {
			first = page
		}
		if page.Incomplete || !page.Start.Equal(first.Start) || !page.End.Equal(first.End) || len(page.Events) > q.Max {
			e.t.Fatalf("page %d of %+v: %d events, incomplete: %v, from %v to %v, and the first from %v to %v",
				n, q, len(page.Events), page.Incomplete, page.Start, page.End, first.Start, first.End)
		}
		all = append(all, ids(page.Events)...)
		if page.Token == "" {
			return all
		}
		if len(page.Events) < q.Max {
			e.t.Fatalf("page %d of %+v has %d events, and is not the last", n, q, len(page.Events))
		}
		q.Token = page.Token
	}
}

// conditions are attributes with what they mean.
var conditions = []struct {
	attributes []history.Attribute
	match      func(*trail.Event) bool
}{
	{nil, func(*trail.Event) bool { return true }},
	{[]history.Attribute{{Field: trail.FieldName, Value: "Create"}}, func(v *trail.Event) bool { return v.Name == "Create" }},
	{[]history.Attribute{{Field: trail.FieldName, Value: "create"}}, func(*trail.Event) bool { return false }},
	{[]history.Attribute{{Field: trail.FieldName, Value: "Create*"}}, func(*trail.Event) bool { return false }},
	{[]history.Attribute{{Field: trail.FieldService, Value: "ram"}}, func(v *trail.Event) bool { return v.Service == "ram" }},
	{[]history.Attribute{{Field: trail.FieldRW, Value: "Read"}}, func(v *trail.Event) bool { return v.ReadOnly }},
	{[]history.Attribute{{Field: trail.FieldUser, Value: "o\"ps\\"}}, func(v *trail.Event) bool { return v.Identity.User == "o\"ps\\" }},
	{[]history.Attribute{{Field: trail.FieldUser, Value: "a b"}}, func(v *trail.Event) bool { return v.Identity.User == "a b" }},
	{[]history.Attribute{{Field: trail.FieldUser, Value: "deployer:2"}}, func(v *trail.Event) bool { return v.Identity.Session == "2" }},
	{[]history.Attribute{{Field: trail.FieldUser, Value: "deployer"}}, func(*trail.Event) bool { return false }},
	{[]history.Attribute{{Field: trail.FieldAccessKey, Value: "AK1"}}, func(v *trail.Event) bool { return v.Identity.AccessKey == "AK1" }},
	{[]history.Attribute{{Field: trail.FieldResourceName, Value: "web"}}, func(v *trail.Event) bool { return has(v, "web") }},
	{[]history.Attribute{{Field: trail.FieldResourceName, Value: "app;web"}}, func(v *trail.Event) bool {
		return len(v.Resources) == 2 && v.Resources[0].Name == "app" && v.Resources[1].Name == "web"
	}},
	{
		[]history.Attribute{{Field: trail.FieldResourceType, Value: "ACS::SLS::Logstore"}, {Field: trail.FieldRW, Value: "Write"}, {Field: trail.FieldName, Value: "RunCommand"}},
		func(v *trail.Event) bool {
			return !v.ReadOnly && v.Name == "RunCommand" && slices.ContainsFunc(v.Resources, func(r trail.Resource) bool { return strings.HasSuffix(r.Type, "Logstore") })
		},
	},
	{[]history.Attribute{{Field: trail.FieldID, Value: "00000000-0000-7000-8000-000000000042"}}, func(v *trail.Event) bool { return strings.HasSuffix(v.ID, "-000000000042") }},
}

func has(v *trail.Event, name string) bool {
	return slices.ContainsFunc(v.Resources, func(r trail.Resource) bool { return r.Name == name })
}

// TestLookup: pages of every size are what a list of all events says, in both orders, wherever the events lie.
func TestLookup(t *testing.T) {
	e := newEnv(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for n := 0; n < 1500; {
		e.Clock.Advance(time.Duration(r.IntN(1<<24)) * time.Millisecond / 16)
		var group []*trail.Event
		for range 1 + r.IntN(30) {
			n++
			group = append(group, random(r, n, e.Clock.Now().Truncate(time.Millisecond).Add(-time.Duration(r.IntN(4))*time.Millisecond)))
		}
		e.write(group...)
		if r.IntN(3) == 0 && n < 1200 {
			if err := e.index.Round(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	begin, end := e.events[0].Time, e.Clock.Now()
	for i, c := range conditions {
		for range 3 {
			q := history.Query{Attributes: c.attributes, Max: 1 + r.IntN(history.MaxPage), OldestFirst: r.IntN(2) == 0, Data: r.IntN(2) == 0}
			if r.IntN(2) == 0 {
				q.Start = begin.Add(time.Duration(r.Int64N(int64(end.Sub(begin))))).Truncate(time.Second)
			}
			if r.IntN(2) == 0 {
				q.End = end.Add(-time.Duration(r.Int64N(int64(end.Sub(begin))))).Truncate(time.Second)
			}
			if !q.Start.IsZero() && !q.End.IsZero() && q.Start.After(q.End) {
				q.Start, q.End = q.End, q.Start
			}
			account := accounts[r.IntN(len(accounts))]
			if diff := gocmp.Diff(e.want(account, q, c.match), e.walk(account, q)); diff != "" {
				t.Errorf("condition %d, %+v (-want +got)\n%s", i, q, diff)
			}
		}
	}
}

// TestPagesStay: what arrives during a walk changes nothing of it, but what arrives behind it in its window is found.
func TestPagesStay(t *testing.T) {
	e := newEnv(t)
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 100 {
		e.Clock.Advance(time.Second)
		v := random(r, n, e.Clock.Now())
		v.Account, v.Category = accounts[0], trail.Management
		e.write(v)
	}
	for _, oldestFirst := range []bool{false, true} {
		q := history.Query{Max: 10, OldestFirst: oldestFirst}
		want := e.want(accounts[0], q, func(*trail.Event) bool { return true })
		var got []string
		for {
			page, err := e.history.Lookup(t.Context(), accounts[0], q)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, ids(page.Events)...)
			e.Clock.Advance(2 * time.Second)
			v := random(r, len(e.events), e.Clock.Now())
			v.Account, v.Category = accounts[0], trail.Management
			e.write(v)
			if q.Token = page.Token; q.Token == "" {
				break
			}
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("oldest first: %v (-want +got)\n%s", oldestFirst, diff)
		}
	}
}

// TestTokens: a token is good for its account and its query alone, and however it is changed it is refused.
func TestTokens(t *testing.T) {
	e := newEnv(t)
	r := rand.New(rand.NewPCG(2, 2))
	for n := range 20 {
		v := random(r, n, e.Clock.Now())
		v.Account, v.Category, v.Name = accounts[0], trail.Management, "Create"
		e.write(v)
	}
	now := e.Clock.Now()
	q := history.Query{Max: 5, Attributes: []history.Attribute{{Field: trail.FieldName, Value: "Create"}}, Start: now.Add(-time.Hour), Span: time.Hour}
	page, err := e.history.Lookup(t.Context(), accounts[0], q)
	if err != nil || page.Token == "" {
		t.Fatal(page, err)
	}
	q.Token = page.Token
	refused := func(what, account string, q history.Query) {
		t.Helper()
		if _, err := e.history.Lookup(t.Context(), account, q); sluice.KindOf(err) != sluice.Invalid || !strings.Contains(err.Error(), "token") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := e.history.Lookup(t.Context(), accounts[0], q); err != nil {
		t.Errorf("the token is refused: %v", err)
	}
	q.Max = 50
	if _, err := e.history.Lookup(t.Context(), accounts[0], q); err != nil {
		t.Errorf("the token is refused for pages of another length: %v", err)
	}
	refused("of another account", accounts[1], q)
	for what, change := range map[string]func(*history.Query){
		"another start":      func(q *history.Query) { q.Start = q.Start.Add(time.Second) },
		"no start":           func(q *history.Query) { q.Start = time.Time{} },
		"an end":             func(q *history.Query) { q.End = now },
		"another span":       func(q *history.Query) { q.Span = time.Minute },
		"another order":      func(q *history.Query) { q.OldestFirst = true },
		"data events":        func(q *history.Query) { q.Data = true },
		"no attribute":       func(q *history.Query) { q.Attributes = nil },
		"another attribute":  func(q *history.Query) { q.Attributes = []history.Attribute{{Field: trail.FieldUser, Value: "Create"}} },
		"one more attribute": func(q *history.Query) { q.Attributes = append(slices.Clone(q.Attributes), q.Attributes...) },
		"a long token":       func(q *history.Query) { q.Token += q.Token },
		"no base64":          func(q *history.Query) { q.Token = "!" + q.Token[1:] },
		"a short token":      func(q *history.Query) { q.Token = q.Token[:len(q.Token)-2] },
	} {
		other := q
		change(&other)
		refused(what, accounts[0], other)
	}
	for i := range len(q.Token) - 1 { // the last character has bits that say nothing
		other := q
		flipped := []byte(q.Token)
		flipped[i] = map[bool]byte{true: 'B', false: 'A'}[flipped[i] == 'A']
		other.Token = string(flipped)
		refused("a changed token", accounts[0], other)
	}
}

// TestWindow: how far back lookups reach, and what pages say of it.
func TestWindow(t *testing.T) {
	e := newEnv(t)
	now := e.Clock.Now()
	day := 24 * time.Hour
	for name, c := range map[string]struct{ q, want history.Query }{
		"all":                 {history.Query{}, history.Query{Start: now.Add(-90 * day), End: now}},
		"a week":              {history.Query{Span: 7 * day}, history.Query{Start: now.Add(-7 * day), End: now}},
		"a week before then":  {history.Query{Span: 7 * day, End: now.Add(-day)}, history.Query{Start: now.Add(-8 * day), End: now.Add(-day)}},
		"longer ago":          {history.Query{Start: now.Add(-400 * day)}, history.Query{Start: now.Add(-90 * day), End: now}},
		"into the future":     {history.Query{Start: now.Add(-time.Hour), End: now.Add(day)}, history.Query{Start: now.Add(-time.Hour), End: now}},
		"parts of seconds":    {history.Query{Start: now.Add(-time.Millisecond), End: now.Add(-time.Millisecond)}, history.Query{Start: now.Add(-time.Second), End: now.Add(-time.Second)}},
		"all of it too early": {history.Query{Start: now.Add(-400 * day), End: now.Add(-300 * day)}, history.Query{Start: now.Add(-90 * day), End: now.Add(-300 * day)}},
	} {
		c.q.Max = 1
		page, err := e.history.Lookup(t.Context(), accounts[0], c.q)
		if err != nil || len(page.Events) != 0 || page.Token != "" || !page.Start.Equal(c.want.Start) || !page.End.Equal(c.want.End) {
			t.Errorf("%s: %+v, %v, want %v to %v", name, page, err, c.want.Start, c.want.End)
		}
	}
}

func TestErrors(t *testing.T) {
	e := newEnv(t)
	now := e.Clock.Now()
	for name, c := range map[string]struct {
		q    history.Query
		noun string
	}{
		"no events":          {history.Query{}, "lookupmax"},
		"too many":           {history.Query{Max: 51}, "lookupmax"},
		"the end first":      {history.Query{Max: 1, Start: now, End: now.Add(-time.Second)}, "lookuprange"},
		"another field":      {history.Query{Max: 1, Attributes: []history.Attribute{{Field: trail.FieldEvent, Value: "x"}}}, "lookupattribute"},
		"an account":         {history.Query{Max: 1, Attributes: []history.Attribute{{Field: trail.FieldAccount, Value: "x"}}}, "lookupattribute"},
		"no value":           {history.Query{Max: 1, Attributes: []history.Attribute{{Field: trail.FieldName}}}, "lookupattribute"},
		"a long value":       {history.Query{Max: 1, Attributes: []history.Attribute{{Field: trail.FieldName, Value: strings.Repeat("x", 2001)}}}, "lookupattribute"},
		"a token of nothing": {history.Query{Max: 1, Token: "x"}, "lookuptoken"},
	} {
		var err *sluice.Error
		if _, got := e.history.Lookup(t.Context(), accounts[0], c.q); !asError(got, &err) || err.Kind != sluice.Invalid || err.Noun != c.noun {
			t.Errorf("%s: %v, want %s", name, got, c.noun)
		}
	}
}

func asError(err error, to **sluice.Error) bool { return errors.As(err, to) }

// TestUses: what a key was last used for is what a list of all events says.
func TestUses(t *testing.T) {
	e := newEnv(t)
	r := rand.New(rand.NewPCG(3, 3))
	for n := range 300 {
		e.Clock.Advance(time.Minute)
		e.write(random(r, n, e.Clock.Now()))
	}
	for _, c := range []struct {
		service string
		fields  []string
		of      func(*trail.Event) []string
	}{
		{"", []string{trail.FieldName}, func(v *trail.Event) []string { return []string{v.Name} }},
		{trail.ServiceRAM, []string{trail.FieldName, trail.FieldRW}, func(v *trail.Event) []string { return []string{v.Name, v.RW()} }},
		{"", []string{trail.FieldResourceType}, func(v *trail.Event) []string {
			types, _ := shape.Resources(v.Resources)
			return []string{types}
		}},
		{"none", []string{trail.FieldService}, func(v *trail.Event) []string { return []string{v.Service} }},
	} {
		want := []history.Use{}
		seen := map[string]bool{}
		for _, v := range slices.Backward(e.events) {
			values := c.of(v)
			if name := strings.Join(values, "|"); v.Account == accounts[0] && v.Identity.AccessKey == "AK1" && (c.service == "" || v.Service == c.service) && !seen[name] {
				seen[name] = true
				want = append(want, history.Use{Values: values, Time: v.Time, EventID: v.ID, Category: v.Category})
			}
		}
		got, err := e.history.Uses(t.Context(), accounts[0], "AK1", c.service, c.fields...)
		if err != nil {
			t.Fatal(err)
		}
		last, err := e.history.LastUse(t.Context(), accounts[0], "AK1")
		if err != nil || c.service == "" && last.ID != want[0].EventID {
			t.Errorf("the last use is %+v, %v, want %s", last, err, want[0].EventID)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("service %q by %v (-want +got)\n%s", c.service, c.fields, diff)
		}
	}
}

// TestLimit: an account that asks too often is told so, and another is not.
func TestLimit(t *testing.T) {
	e := newEnv(t, 2)
	f := func(account string, want sluice.Kind) {
		t.Helper()
		if _, err := e.history.Lookup(t.Context(), account, history.Query{Max: 1}); sluice.KindOf(err) != want && (err != nil || want != 0) {
			t.Errorf("account %s: %v", account, err)
		}
	}
	f(accounts[0], 0)
	f(accounts[0], 0)
	f(accounts[0], sluice.Throttled)
	f(accounts[1], 0)
	e.Clock.Advance(time.Second)
	f(accounts[0], 0)
}
