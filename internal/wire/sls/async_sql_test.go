package sls_test

import (
	"encoding/json"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sluicelog/sluice/internal/testenv"
)

// asyncAnswer is what clients read of an answer.
type asyncAnswer struct {
	id, state, progress, code, message string
	keys                               []string
	rows                               [][]string
	total                              int
}

// fieldsOf calls text with each text field of a message, and number with each number.
func fieldsOf(t *testing.T, b []byte, text func(protowire.Number, []byte), number func(protowire.Number, uint64)) {
	t.Helper()
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatalf("not a message: %x", b)
		}
		b = b[n:]
		switch kind {
		case protowire.BytesType:
			v, n := protowire.ConsumeBytes(b)
			text(field, v)
			b = b[n:]
		case protowire.VarintType:
			v, n := protowire.ConsumeVarint(b)
			number(field, v)
			b = b[n:]
		default:
			b = b[protowire.ConsumeFieldValue(field, kind, b):]
		}
	}
}

func readAsync(t *testing.T, body []byte) (a asyncAnswer) {
	t.Helper()
	none := func(protowire.Number, uint64) {}
	fieldsOf(t, body, func(field protowire.Number, v []byte) {
		switch field {
		case 1:
			a.id = string(v)
		case 2:
			a.state = string(v)
		case 3:
			fieldsOf(t, v, func(field protowire.Number, v []byte) {
				switch field {
				case 7:
					a.progress = string(v)
				case 8:
					a.keys = append(a.keys, string(v))
				}
			}, func(field protowire.Number, v uint64) {
				if field == 1 {
					a.total = int(v)
				}
			})
		case 4:
			var row []string
			fieldsOf(t, v, func(_ protowire.Number, v []byte) { row = append(row, string(v)) }, none)
			a.rows = append(a.rows, row)
		case 5:
			a.code = string(v)
		case 6:
			a.message = string(v)
		}
	}, none)
	return a
}

func submitAsync(begin int64, query string, extensions map[string]any) testenv.Call {
	body, err := json.Marshal(map[string]any{"logstore": "access", "query": query, "from": begin, "to": begin + 100, "extensions": extensions})
	if err != nil {
		panic(err)
	}
	return testenv.Call{Method: "POST", Project: "web", Target: "/asyncsql", Body: body}
}

// ended waits until a statement runs no more.
func ended(t *testing.T, env *testenv.Env, id, page string) asyncAnswer {
	t.Helper()
	for {
		a := readAsync(t, env.OK(t, testenv.Call{Project: "web", Target: "/asyncsql/" + id + page}).Body)
		if a.state != "RUNNING" {
			return a
		}
	}
}

func TestAsyncSQL(t *testing.T) {
	env, begin := searchable(t)
	submitted := readAsync(t, env.OK(t, submitAsync(begin, "status: 500 | select path, status from log order by path limit 5", nil)).Body)
	if submitted.id == "" || submitted.state != "RUNNING" {
		t.Fatalf("got %+v", submitted)
	}
	got := ended(t, env, submitted.id, "?offset=1&line=2")
	if got.state != "FINISHED" || got.total != 5 || len(got.rows) != 2 || got.rows[1][1] != "500" || len(got.keys) != 2 || got.progress != "Complete" {
		t.Errorf("got %+v", got)
	}
	if behind := ended(t, env, submitted.id, "?offset=9"); len(behind.rows) != 0 || behind.total != 5 {
		t.Errorf("behind the last row: got %+v", behind)
	}
	path := "/asyncsql/" + submitted.id
	if a := env.Do(t, testenv.Call{Project: "web", Target: path + "?offset=-1"}); a.Code != "ParameterInvalid" {
		t.Errorf("a negative offset: got %d %s", a.Status, a.Code)
	}
	env.OK(t, testenv.Call{Method: "DELETE", Project: "web", Target: path})
	if a := env.Do(t, testenv.Call{Project: "web", Target: path}); a.Code != "AsyncSqlNotExist" {
		t.Errorf("deleted: got %d %s", a.Status, a.Code)
	}

	failed := ended(t, env, readAsync(t, env.OK(t, submitAsync(begin, "* | select nothing_of_this from log", nil)).Body).id, "")
	if failed.state != "FAILED" || failed.code != "ParameterInvalid" || failed.message == "" {
		t.Errorf("a bad statement: got %+v", failed)
	}
	for what, c := range map[string]testenv.Call{
		"no SQL":           submitAsync(begin, "status: 500", nil),
		"too long a time":  submitAsync(begin, "* | select 1", map[string]any{"maxRunTime": 600_001}),
		"a negative time":  submitAsync(begin, "* | select 1", map[string]any{"maxRunTime": -1}),
		"no logstore said": {Method: "POST", Project: "web", Target: "/asyncsql", Body: []byte(`{"query":"* | select 1","from":1,"to":2}`)},
	} {
		if a := env.Do(t, c); a.Code != "ParameterInvalid" {
			t.Errorf("%s: got %d %s %q", what, a.Status, a.Code, a.Message)
		}
	}
}

// What a statement has read of another logstore is not shown to whoever may not read that one.
func TestAsyncSQLIsShownToWhoMayReadAllOfIt(t *testing.T) {
	env, begin := searchable(t)
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"users","ttl":1,"shardCount":1}`)})
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores/users/index", Body: []byte(`{"line":{"token":[" "]},"keys":{"id":{"type":"text","token":[" "],"doc_value":true}}}`)})
	joined := readAsync(t, env.OK(t, submitAsync(begin, "* | select count(*) as n from log l left join users u on l.path = u.id", nil)).Body)
	alone := readAsync(t, env.OK(t, submitAsync(begin, "* | select count(*) as n from log", nil)).Body)
	if got := ended(t, env, joined.id, ""); got.state != "FINISHED" || got.rows[0][0] != "20" {
		t.Fatalf("got %+v", got)
	}
	ended(t, env, alone.id, "")
	deny, err := json.Marshal(map[string]any{
		"resourceType": "logstore", "resourceName": "users",
		"policyDocument": `{"Version":"1","Statement":[{"Effect":"Deny","Action":"log:GetLogStoreLogs","Resource":"*","Condition":{"NotIpAddress":{"acs:SourceIp":"192.0.2.7"}}}]}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	env.OK(t, testenv.Call{Method: "PUT", Project: "web", Target: "/resource-policies", Body: deny})
	for _, method := range []string{"GET", "DELETE"} {
		for id, code := range map[string]string{alone.id: "", joined.id: "Unauthorized"} {
			if a := env.Do(t, testenv.Call{Method: method, Project: "web", Target: "/asyncsql/" + id}); a.Code != code {
				t.Errorf("%s: got %d %s, want %q", method, a.Status, a.Code, code)
			}
		}
	}
	id := readAsync(t, env.OK(t, submitAsync(begin, "* | select count(*) as n from log l left join users u on l.path = u.id", nil)).Body).id
	for {
		a := env.Do(t, testenv.Call{Project: "web", Target: "/asyncsql/" + id})
		if a.Code == "Unauthorized" { // as soon as it is known that it wanted to read it
			break
		}
		if got := readAsync(t, a.Body); got.state != "RUNNING" {
			t.Fatalf("got %+v", got)
		}
	}
}
