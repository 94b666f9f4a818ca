package object_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/delivery/object"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// record makes an entry of key=value; numbers are numbers.
func record(text string) *sink.Entry {
	e := &sink.Entry{}
	for _, field := range strings.Split(text, "|") {
		k, v, _ := strings.Cut(field, "=")
		kind := sink.Text
		if k == "Repeats" || k == "ExitCode" {
			kind = sink.Number
		}
		e.Fields = append(e.Fields, sink.Field{Key: k, Value: v, Kind: kind})
	}
	return e
}

func TestExecutions(t *testing.T) {
	o := parse(t, `{"layout":"executions","prefix":"audit/"}`)
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	m := memory{}
	b := object.NewWriter(o, m, t.TempDir()).Begin(header)
	defer b.Release()
	for _, text := range []string{
		"InvokeId=t-1|InstanceId=mi-1|CommandType=RunShellScript|CommandContent=a < b|Repeats=1|ExitCode=0|__time__=5",
		"InvokeId=t-1|InstanceId=mi-2|CommandType=RunShellScript|CommandContent=a < b|Repeats=0",
		"InvokeId=t-2|InstanceId=mi-1|CommandType=RunPowerShellScript|CommandContent=p|Repeats=12",
		"InvokeId=t-3|InstanceId=mi-1|CommandType=RunBatScript|CommandContent=b|Repeats=1",
		"InvokeId=f-1|InstanceId=mi-1|FileName=x|ContentType=Base64|FileContent=aGk=",
	} {
		if err := b.Add(record(text)); err != nil {
			t.Fatal(err)
		}
	}
	if b.Len() != 5 {
		t.Errorf("%d records in the batch", b.Len())
	}
	for range 2 { // sent twice, it is the same
		if err := b.Send(t.Context(), sink.Point{Position: 200}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"audit/invocationResults/t-1/commandContent.sh", "audit/invocationResults/t-1/mi-1/1.json", "audit/invocationResults/t-1/mi-2/1.json",
		"audit/invocationResults/t-2/commandContent.ps1", "audit/invocationResults/t-2/mi-1/12.json",
		"audit/invocationResults/t-3/commandContent.bat", "audit/invocationResults/t-3/mi-1/1.json",
		"audit/sendFileResults/f-1/fileContent.txt", "audit/sendFileResults/f-1/mi-1/1.json",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(m))); diff != "" {
		t.Error(diff)
	}
	if got := m["audit/invocationResults/t-1/commandContent.sh"].text; got != "a < b" {
		t.Errorf("script: %q", got)
	}
	if got := m["audit/sendFileResults/f-1/fileContent.txt"].text; got != "hi" {
		t.Errorf("file: %q", got)
	}
	one := m["audit/invocationResults/t-1/mi-1/1.json"]
	const text = "{\n    \"InvokeId\": \"t-1\",\n    \"InstanceId\": \"mi-1\",\n    \"CommandType\": \"RunShellScript\",\n    \"CommandContent\": \"a < b\",\n    \"Repeats\": 1,\n    \"ExitCode\": 0\n}\n"
	if one.typ != "application/json" || one.text != text || !json.Valid([]byte(one.text)) {
		t.Errorf("record: %s %s", one.typ, one.text)
	}
}

// Logs that are no records, or whose ids lead elsewhere, go nowhere.
func TestExecutionsThatAreNone(t *testing.T) {
	b := object.NewWriter(parse(t, `{"layout":"executions"}`), memory{}, t.TempDir()).Begin(header)
	defer b.Release()
	for _, text := range []string{
		"a=b", "InvokeId=t-1|InstanceId=mi-1|Repeats=x", "InvokeId=..|InstanceId=mi-1|Repeats=1", "InvokeId=t-1|InstanceId=../../x|Repeats=1",
		"InvokeId=t-1|InstanceId=a/b|Repeats=1", "InvokeId=t-1|InstanceId=\x00|Repeats=1", "InvokeId=t-1|InstanceId=" + strings.Repeat("x", 200) + "|Repeats=1",
	} {
		var refused *sink.Refused
		if err := b.Add(record(text)); !errors.As(err, &refused) {
			t.Errorf("%.60q: %v", text, err)
		}
	}
	if b.Len() != 0 {
		t.Errorf("%d records in the batch", b.Len())
	}
}
