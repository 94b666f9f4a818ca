package query_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/query/places/placestest"
)

const accessConfig = `{"keys": {"n": {"type": "long", "doc_value": true}, "t": {"type": "text", "token": [" "], "doc_value": true}}}`

const usersConfig = `{"keys": {"uid": {"type": "long", "doc_value": true}, "name": {"type": "text", "token": [" "], "doc_value": true}}}`

// shop is a project of three logstores beside access: users and secret have an index, plain has none. Another project has a
// logstore of its own.
func newShop(t *testing.T, config string) *segmented {
	t.Helper()
	s := newSegmented(t, config)
	t.Cleanup(s.closeSQL)
	ctx := t.Context()
	for _, name := range []string{"users", "secret", "plain"} {
		ref := sluice.LogstoreRef{Project: catalogtest.Ref.Project, Logstore: name}
		if err := s.Catalog.CreateLogstore(ctx, meta.Logstore{Project: ref.Project, Name: name, TTLDays: 30}, 2); err != nil {
			t.Fatal(err)
		}
		if name != "plain" {
			s.createIndex(ref)
		}
	}
	if err := s.Catalog.CreateProject(ctx, meta.Project{Name: "bank"}); err != nil {
		t.Fatal(err)
	}
	vault := sluice.LogstoreRef{Project: "bank", Logstore: "vault"}
	if err := s.Catalog.CreateLogstore(ctx, meta.Logstore{Project: "bank", Name: "vault", TTLDays: 30}, 1); err != nil {
		t.Fatal(err)
	}
	s.createIndex(vault)

	s.put(catalogtest.Ref, "n", "1", "t", "in")
	s.put(catalogtest.Ref, "n", "2", "t", "in")
	s.put(catalogtest.Ref, "n", "1", "t", "out")
	for _, name := range []string{"users", "secret"} {
		ref := sluice.LogstoreRef{Project: catalogtest.Ref.Project, Logstore: name}
		s.put(ref, "uid", "1", "name", "amy of "+name)
		s.put(ref, "uid", "3", "name", "bob of "+name)
	}
	s.put(vault, "uid", "1", "name", "gold")
	if err := s.index.Round(ctx); err != nil {
		t.Fatal(err)
	}
	s.put(catalogtest.Ref, "n", "3", "t", "in") // behind the index
	s.put(sluice.LogstoreRef{Project: "web", Logstore: "users"}, "uid", "2", "name", "eve of users")
	return s
}

func (s *segmented) createIndex(ref sluice.LogstoreRef) {
	s.t.Helper()
	if err := s.Catalog.CreateIndex(s.t.Context(), ref, json.RawMessage(usersConfig)); err != nil {
		s.t.Fatal(err)
	}
}

// put writes one log, a second after the last one.
func (s *segmented) put(ref sluice.LogstoreRef, fields ...string) {
	s.t.Helper()
	s.Clock.Advance(time.Second)
	rec := sluice.Record{Time: uint32(s.Clock.Now().Unix())}
	for i := 0; i < len(fields); i += 2 {
		rec.Fields = append(rec.Fields, sluice.Field{Key: fields[i], Value: fields[i+1]})
	}
	if _, _, err := s.door.Append(s.t.Context(), ref, &sluice.LogGroup{Records: []sluice.Record{rec}}); err != nil {
		s.t.Fatal(err)
	}
}

// mayReadUsers is the permission of somebody who may read access and users.
func mayReadUsers(ref sluice.LogstoreRef) error {
	if ref.Project == "web" && (ref.Logstore == "users" || ref.Logstore == "access") {
		return nil
	}
	return sluice.Errorf(sluice.Unauthorized, "permission", "denied: %s", ref)
}

func TestJoins(t *testing.T) {
	s := newShop(t, accessConfig)
	f := query.Filter{
		Ref: catalogtest.Ref, Search: "t:in", MayRead: mayReadUsers,
		Range: query.Range{From: 0, To: s.Clock.Now().Add(time.Hour).UnixNano() / 1e9 * 1e9},
	}
	start := s.Clock.Now().Unix() - 9 // when the first log was written
	for text, want := range map[string]string{
		"select l.n, u.name from log l join users u on l.n = u.uid order by 1":                      "[1 amy of users] [2 eve of users] [3 bob of users]",
		`select l.n, u.name from log l left join "users" u on l.n = u.uid and u.uid < 3 order by n`: "[1 amy of users] [2 eve of users] [3 null]",
		"select count(*) from access":                                                               "[4]", // without the search
		"select count(*) from log, access":                                                          "[12]",
		"select count(*) from log a, LOG b":                                                         "[9]",
		"select name from Users where uid in (select n) order by 1":                                 "[amy of users] [bob of users] [eve of users]",
		"with secret as (select max(n) as x) select * from secret":                                  "[3]", // not the logstore
		"select count(*) from users union all select count(*)":                                      "[3] [3]",
		fmt.Sprintf("select count(*) from log, users u where u.__time__ > %d", start+5):             "[3]",
		"select u.__date__ = from_unixtime(u.__time__) from users u group by u.__time__, 1 limit 1": "[true]",
	} {
		for name, e := range map[string]*query.Engine{"shard logs": s.plain, "segments": s.indexed} {
			got, err := e.SQL(t.Context(), f, text)
			if err != nil {
				t.Errorf("%s: %s: %v", name, text, err)
				continue
			}
			if diff := cmp.Diff(want, rowsText(got.Rows)); diff != "" || !got.Complete {
				t.Errorf("%s: %s: complete %v (-want +got)\n%s", name, text, got.Complete, diff)
			}
		}
	}
}

func rowsText(rows [][]string) string {
	texts := make([]string, len(rows))
	for i, r := range rows {
		texts[i] = fmt.Sprint(r)
	}
	return strings.Join(texts, " ")
}

// What the asker may not read looks the same whether it is there or not, and no statement reads of another project.
func TestTablesThatMayNotBeRead(t *testing.T) {
	s := newShop(t, accessConfig)
	f := query.Filter{
		Ref: catalogtest.Ref, Search: "*", MayRead: mayReadUsers,
		Range: query.Range{From: 0, To: s.Clock.Now().Add(time.Hour).UnixNano() / 1e9 * 1e9},
	}
	for _, table := range []string{"secret", "nosuch", "vault", `"bank/vault"`, `"../bank/vault"`, "plain"} {
		for _, text := range []string{
			"select * from %s", "select 1 from log, %s", "select (select name from %s)", "select * where n in (select uid from %s)",
			"with x as (select * from %s) select 1", "select 1 union all select uid from %s", "select * from log join %s on true",
		} {
			got, err := s.indexed.SQL(t.Context(), f, fmt.Sprintf(text, table))
			if sluice.KindOf(err) != sluice.Unauthorized {
				t.Errorf("%s of %s: %v, %v", text, table, got, err)
			}
		}
	}
	f.MayRead = nil
	if _, err := s.indexed.SQL(t.Context(), f, "select * from users"); sluice.KindOf(err) != sluice.Invalid {
		t.Errorf("nobody said that it may be read: %v", err)
	}
	f.MayRead = func(sluice.LogstoreRef) error { return nil }
	for text, want := range map[string]string{
		"select * from vault":      "line 1:15: Table 'vault' does not exist",
		"select * from bank.vault": "tables are named without a schema",
		"select * from plain":      "logstore plain has no index",
	} {
		if _, err := s.indexed.SQL(t.Context(), f, text); sluice.KindOf(err) != sluice.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestProjectSQL(t *testing.T) {
	s := newShop(t, accessConfig)
	first := s.Clock.Now().Unix() - 9
	zone := time.FixedZone("", 8*3600)
	date := func(seconds int64) string { return time.Unix(first+seconds, 0).In(zone).Format(time.DateTime) }
	for text, want := range map[string]string{
		fmt.Sprintf("select count(*) from access where __time__ >= %d and __time__ < %d", first, first+2):       "[2]",
		fmt.Sprintf("select count(*) from access where __date__ >= '%s' and __date__ < '%s'", date(0), date(3)): "[3]",
		fmt.Sprintf("select u.name, count(*) from access a join users u on a.n = u.uid where a.__time__ > 0 and u.__time__ between 0 and %d "+
			"group by 1 order by 1", first+100): "[amy of users 2] [bob of users 1] [eve of users 1]",
		fmt.Sprintf("select time_series(__time__, '1s', '%%Y', '0') as t, count(*) from users where __time__ >= %d and __time__ < %d group by t order by t",
			first+9, first+11): "[2026 1] [2026 0]",
	} {
		got, err := s.indexed.ProjectSQL(t.Context(), "web", text, mayReadUsers)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, rowsText(got.Rows)); diff != "" || !got.Complete {
			t.Errorf("%s: complete %v (-want +got)\n%s", text, got.Complete, diff)
		}
	}
	for text, want := range map[string]sluice.Kind{
		"select 1":                                              sluice.Invalid,
		"select count(*) from log":                              sluice.Unauthorized, // a name like any other
		"select count(*) from access":                           sluice.Invalid,
		"select count(*) from access where n > 1":               sluice.Invalid,
		"select * from secret where __time__ > 0":               sluice.Unauthorized,
		"select * from access, users where access.__time__ > 0": sluice.Invalid,
	} {
		if got, err := s.indexed.ProjectSQL(t.Context(), "web", text, mayReadUsers); sluice.KindOf(err) != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if _, err := s.indexed.ProjectSQL(t.Context(), "nosuch", "select 1", mayReadUsers); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("no such project: %v", err)
	}
}

// Functions that need a database of the operator's work with one, and say what to do without.
func TestPlaces(t *testing.T) {
	s := newShop(t, accessConfig)
	f := query.Filter{Ref: catalogtest.Ref, Search: "*", Range: query.Range{From: 0, To: s.Clock.Now().Add(time.Hour).Unix() * 1e9}}
	const text = "select ip_to_country('203.0.113.7'), ip_to_city('203.0.113.7', 'en'), ip_to_provider('203.0.113.7') limit 1"
	_, err := s.indexed.SQL(t.Context(), f, text)
	if sluice.KindOf(err) != sluice.Unsupported || !strings.Contains(err.Error(), "query.geo_database") {
		t.Errorf("without a database: %v", err)
	}
	e := query.New(s.Catalog, s.index, query.Options{Now: s.Clock.Now, SQL: query.SQLOptions{Files: s.objects, Places: placestest.Open(t)}})
	got, err := e.SQL(t.Context(), f, text)
	if err != nil || rowsText(got.Rows) != "[中国 Hangzhou Example Telecom]" {
		t.Errorf("got %v, %v", got, err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}
