package logpb

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
)

func groupOf(topic, source string, texts ...string) *sluice.LogGroup {
	g := &sluice.LogGroup{Topic: topic, Source: source, Tags: []sluice.Field{{Key: "zone", Value: "a"}}}
	for i, text := range texts {
		g.Records = append(g.Records, sluice.Record{Time: uint32(100 + i), Fields: []sluice.Field{{Key: "text", Value: text}}})
	}
	return g
}

func TestPartsJoin(t *testing.T) {
	a, b := groupOf("t", "s", "one", "two"), groupOf("t", "s", "three")
	var p, q Parts
	for i, g := range []*sluice.LogGroup{a, b} {
		if err := []*Parts{&p, &q}[i].Split(Append(nil, g), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if p.Count != 2 || q.Count != 1 || string(p.Topic) != "t" || string(p.Source) != "s" || !bytes.Equal(p.Rest, q.Rest) {
		t.Errorf("parts %+v and %+v", p, q)
	}
	got, err := Decode(bytes.Join([][]byte{p.Logs, q.Logs, p.Rest}, nil))
	if err != nil {
		t.Fatal(err)
	}
	a.Records = append(a.Records, b.Records...)
	if diff := cmp.Diff(a, got); diff != "" {
		t.Errorf("joined (-want +got):\n%s", diff)
	}
}

func TestPartsReplace(t *testing.T) {
	topic, source := "new", ""
	var p Parts
	if err := p.Split(Append(nil, groupOf("t", "s", "one")), &topic, &source); err != nil {
		t.Fatal(err)
	}
	got, err := Decode(append(bytes.Clone(p.Logs), p.Rest...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(groupOf("new", "", "one"), got); diff != "" || string(p.Topic) != "new" || len(p.Source) != 0 {
		t.Errorf("replaced (-want +got):\n%s\n%+v", diff, p)
	}
}

func TestGroups(t *testing.T) {
	var list []byte
	want := [][]byte{Append(nil, groupOf("a", "", "x")), Append(nil, groupOf("b", "", "y"))}
	for _, g := range want {
		list = append(AppendGroupHeader(list, len(g)), g...)
	}
	var got [][]byte
	if err := Groups(list, func(g []byte) error { got = append(got, g); return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := Groups(list[:len(list)-1], func([]byte) error { return nil }); err == nil {
		t.Error("a list that was cut is taken")
	}
}

// Whatever a valid group is, its parts decode to the same.
func FuzzParts(f *testing.F) {
	f.Add(Append(nil, groupOf("t", "s", "one", "two")))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var p Parts
		err := p.Split(raw, nil, nil)
		want, decodeErr := Decode(raw)
		if decodeErr != nil {
			return
		}
		if err != nil {
			t.Fatalf("a valid group does not split: %v", err)
		}
		got, err := Decode(append(bytes.Clone(p.Logs), p.Rest...))
		if err != nil {
			t.Fatalf("the parts do not decode: %v", err)
		}
		if diff := cmp.Diff(want, got); diff != "" || p.Count != len(want.Records) {
			t.Errorf("%d logs, (-want +got):\n%s", p.Count, diff)
		}
	})
}
