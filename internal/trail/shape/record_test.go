package shape_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/shape"
)

// seed is the record that CloudTrail's documentation shows for ECS.
func seed(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/seed.json")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func compacted(t testing.TB, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestRoundTrip: a record comes out as it went in, member by member, in its order, with what nobody knows.
func TestRoundTrip(t *testing.T) {
	unknown := bytes.Replace(seed(t), []byte(`"eventTime"`), []byte(`"later": {"b": 1.50, "a": [1e3, "\u00e9<>"]}, "eventTime"`), 1)
	for name, text := range map[string][]byte{"the seed": seed(t), "unknown members": unknown, "nothing": []byte("{}")} {
		t.Run(name, func(t *testing.T) {
			r, err := shape.ParseCloudTrail(text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(compacted(t, text)), string(r.Append(nil))); diff != "" {
				t.Errorf("(-in +out)\n%s", diff)
			}
		})
	}
	r, err := shape.ParseCloudTrail(seed(t))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"eventName": "CreateCluster", "userIdentity.sessionContext.sessionIssuer.userName": "Mary_Major", "userIdentity": "", "requestParameters.clusterName": "default",
		"userIdentity.none.none": "", "eventName.none": "", "responseElements.cluster.activeServicesCount": "",
	} {
		if got := r.Text(strings.Split(path, ".")...); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	if got, want := r.Time(), time.Date(2018, 6, 20, 19, 4, 36, 0, time.UTC); !got.Equal(want) {
		t.Errorf("the time is %v, want %v", got, want)
	}
}

// TestOrderOfMembers: records have the members of the seed where the seed has them, and more in between.
func TestOrderOfMembers(t *testing.T) {
	e := &trail.Event{
		ID: "e3c6f4ce", Time: time.Date(2018, 6, 20, 19, 4, 36, 0, time.UTC), Category: trail.Management, Type: trail.APICall, Service: trail.ServiceECS,
		Name: "CreateCluster", Region: "us-east-1", RequestID: "cb8c167e", Account: "123456789012", Agent: "console.amazonaws.com",
		Identity: trail.Identity{Kind: trail.Role, Account: "123456789012", Role: "Admin", Session: "Mary_Major", AccessKey: "AK", Since: time.Unix(1, 0)},
	}
	r, err := shape.ParseCloudTrail(cloud(t, e, shape.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	var sameOrder func(where string, want, got json.RawMessage)
	sameOrder = func(where string, want, got json.RawMessage) {
		w, err := shape.ParseCloudTrail(want)
		if err != nil {
			t.Fatal(err)
		}
		g, err := shape.ParseCloudTrail(got)
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		for _, m := range w.Members {
			for at < len(g.Members) && g.Members[at].Name != m.Name {
				at++
			}
			if at == len(g.Members) {
				t.Fatalf("%s: %s is not there, or not behind the members that it is behind in the seed: %s", where, m.Name, got)
			}
			if m.Value[0] == '{' && m.Name != "requestParameters" && m.Name != "responseElements" {
				sameOrder(where+"."+m.Name, m.Value, g.Members[at].Value)
			}
		}
	}
	sameOrder("", seed(t), r.Append(nil))
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]struct {
		kind    sluice.Kind
		message string
	}{
		``:                       {sluice.Invalid, "cannot be read"},
		`[]`:                     {sluice.Invalid, "not a JSON object"},
		`null`:                   {sluice.Invalid, "not a JSON object"},
		`{"a":1`:                 {sluice.Invalid, "cannot be read"},
		`{"a":1}{}`:              {sluice.Invalid, "follows"},
		`{"a":1}}`:               {sluice.Invalid, "follows"},
		`{"a":1,"a":2}`:          {sluice.Invalid, `"a" is there twice`},
		`{"eventVersion":"2.0"}`: {sluice.Invalid, `version "2.0"`},
		`{"a":"` + strings.Repeat("x", shape.MaxRecord) + `"}`: {sluice.TooLarge, "262144"},
	} {
		_, err := shape.ParseCloudTrail([]byte(text))
		if sluice.KindOf(err) != want.kind || !strings.Contains(err.Error(), want.message) {
			t.Errorf("%.40s: %v, want %q", text, err, want.message)
		}
	}
}

// FuzzParseCloudTrail: what is read is written as it was, and reads as the same.
func FuzzParseCloudTrail(f *testing.F) {
	f.Add(seed(f))
	for _, e := range fixtures(f) {
		f.Add(cloud(f, e, aliases))
	}
	f.Add([]byte(`{"\u0061":{"a":1,"a":2},"b":"\ud800"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := shape.ParseCloudTrail(text)
		if err != nil {
			return
		}
		_, _ = r.Text("userIdentity", "sessionContext", "sessionIssuer", "arn"), r.Time()
		out := r.Append(nil)
		if !json.Valid(out) {
			t.Fatalf("%q is not JSON", out)
		}
		if len(out) > shape.MaxRecord { // escapes may take more space than what they stand for
			return
		}
		again, err := shape.ParseCloudTrail(out)
		if err != nil {
			t.Fatalf("%q cannot be read again: %v", out, err)
		}
		if diff := cmp.Diff(r, again); diff != "" {
			t.Fatal(diff)
		}
	})
}
