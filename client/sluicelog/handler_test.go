package sluicelog_test

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/client/sluicelog"
)

// keeper is a Sender that keeps the records.
type keeper struct {
	mu      sync.Mutex
	records []sluice.Record
	onPut   func(context.Context)
}

func (k *keeper) PutLogs(ctx context.Context, _ sluice.LogstoreRef, g *sluice.LogGroup, _ client.PutOptions) error {
	if k.onPut != nil {
		k.onPut(ctx)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.records = append(k.records, g.Records...)
	return nil
}

// logged returns the fields of what do logs, record by record.
func logged(t *testing.T, o sluicelog.HandlerOptions, do func(*slog.Logger)) [][]sluice.Field {
	t.Helper()
	k := &keeper{}
	q, err := sluicelog.Open(k, ref, sluicelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h, err := q.Handler(o)
	if err != nil {
		t.Fatal(err)
	}
	do(slog.New(h))
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	var all [][]sluice.Field
	for _, r := range k.records {
		all = append(all, r.Fields)
	}
	return all
}

var none = []sluicelog.Field{} // of what is known besides the log

func TestSlogContract(t *testing.T) {
	var k *keeper
	var q *sluicelog.Queue
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		k = &keeper{}
		var err error
		if q, err = sluicelog.Open(k, ref, sluicelog.Options{}); err != nil {
			t.Fatal(err)
		}
		h, err := q.Handler(sluicelog.HandlerOptions{Content: sluicelog.Content{Fields: []sluicelog.Field{sluicelog.Level}}})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}, func(t *testing.T) map[string]any {
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		if len(k.records) != 1 {
			t.Fatalf("%d records", len(k.records))
		}
		return nested(t, k.records[0])
	})
}

// nested is a record in the form that slogtest reads: groups are maps, and the names are slog's.
func nested(t *testing.T, r sluice.Record) map[string]any {
	out := map[string]any{}
	if strings.HasSuffix(t.Name(), "/zero-time") { // every log of a logstore has a time
		if time.Since(time.Unix(int64(r.Time), 0)).Abs() > time.Minute {
			t.Errorf("a log without a time got %d", r.Time)
		}
	} else {
		out[slog.TimeKey] = time.Unix(int64(r.Time), int64(r.Nanos))
	}
	for _, f := range r.Fields {
		if f.Key == "message" {
			f.Key = slog.MessageKey
		}
		at := out
		path := strings.Split(f.Key, ".")
		for _, group := range path[:len(path)-1] {
			if at[group] == nil {
				at[group] = map[string]any{}
			}
			at = at[group].(map[string]any)
		}
		at[path[len(path)-1]] = f.Value
	}
	return out
}

type secret string

func (secret) LogValue() slog.Value { return slog.StringValue("hidden") }

type broken struct{}

func (*broken) Error() string { panic("nil") }

func TestValues(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	got := logged(t, sluicelog.HandlerOptions{Content: sluicelog.Content{Fields: none}}, func(l *slog.Logger) {
		l.Debug("below the level")
		l.With("a", 1).WithGroup("g").With("b", true).Info("m", //nolint:sloglint // both are to work
			"t", at, "d", 1500*time.Millisecond, "e", errors.New("no"), "bytes", []byte("raw"), "map", map[string]int{"x": 1},
			"secret", secret("s"), "nil", nil, "broken", (*broken)(nil), slog.Group("h", "c", 2.5), slog.Group("empty"))
	})
	want := [][]sluice.Field{{
		{Key: "message", Value: "m"},
		{Key: "a", Value: "1"},
		{Key: "g.b", Value: "true"},
		{Key: "g.t", Value: "2026-01-02T03:04:05.000000006Z"},
		{Key: "g.d", Value: "1.5s"},
		{Key: "g.e", Value: "no"},
		{Key: "g.bytes", Value: "raw"},
		{Key: "g.map", Value: `{"x":1}`},
		{Key: "g.secret", Value: "hidden"},
		{Key: "g.nil", Value: "null"},
		{Key: "g.broken", Value: "!PANIC: nil"},
		{Key: "g.h.c", Value: "2.5"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestKnownFields(t *testing.T) {
	got := logged(t, sluicelog.HandlerOptions{Content: sluicelog.Content{
		Name: "shop", FieldsPrefix: "__", FieldsSuffix: "_", Extra: []sluice.Field{{Key: "release", Value: "42"}},
	}}, func(l *slog.Logger) { l.Error("m", "level", "mine") })[0]
	fields := map[string]string{}
	for _, f := range got {
		fields[f.Key] = f.Value
	}
	line, err := strconv.Atoi(fields["__line_no_"])
	if err != nil || line < 1 || !strings.HasSuffix(fields["__file_path_"], "handler_test.go") || fields["__process_name_"] == "" {
		t.Errorf("fields %v", fields)
	}
	delete(fields, "__line_no_")
	delete(fields, "__file_path_")
	delete(fields, "__process_name_")
	want := map[string]string{
		"message": "m", "level": "mine", "__level_": "ERROR", "__record_name_": "shop", "__release_": "42",
		"__func_name_": "TestKnownFields.func1", "__module_": "github.com/sluicelog/sluice/client/sluicelog_test",
		"__process_id_": strconv.Itoa(os.Getpid()),
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestAttrsCanBeChangedAndLeftOut(t *testing.T) {
	f := func(o sluicelog.HandlerOptions, want ...sluice.Field) {
		t.Helper()
		o.Fields = none
		got := logged(t, o, func(l *slog.Logger) { l.WithGroup("g").With("password", "x").Info("m", "user", "ada") })
		if diff := cmp.Diff([][]sluice.Field{want}, got); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
	}
	message := sluice.Field{Key: "message", Value: "m"}
	f(sluicelog.HandlerOptions{NoAttrs: true}, message)
	f(sluicelog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == "password" {
			return slog.Attr{}
		}
		a.Value = slog.StringValue(strings.Join(groups, "/") + ":" + a.Value.String())
		return a
	}}, message, sluice.Field{Key: "g.user", Value: "g:ada"})
}

func TestExtraction(t *testing.T) {
	f := func(c sluicelog.Content, message string, want ...string) {
		t.Helper()
		c.Fields = none
		got := logged(t, sluicelog.HandlerOptions{Content: c}, func(l *slog.Logger) { l.Info(message) }) //nolint:sloglint // a table of messages
		var texts []string
		for _, field := range got[0] {
			if field.Key == "message" && field.Value == message {
				texts = append(texts, "message")
				continue
			}
			texts = append(texts, field.Key+"="+field.Value)
		}
		if diff := cmp.Diff(want, texts); diff != "" {
			t.Errorf("fields of %q (-want +got):\n%s", message, diff)
		}
	}
	kv := sluicelog.Content{ExtractKV: true}
	f(kv, "nothing here", "message")
	f(kv, "i=c1, k1=v1,k2=v2 k3=v3", "message", "i=c1", "k1=v1", "k2=v2", "k3=v3")
	f(kv, `i=c2, k1=" v 1 ", k2="v 2" k3="~!@#=`+"`"+`;.>"`, "message", "i=c2", "k1= v 1 ", "k2=v 2", "k3=~!@#=`;.>")
	f(kv, "姓名=小明 年龄=\"中文\"", "message", "姓名=小明", "年龄=中文")
	f(kv, "k1=\"hello\nworld\" k2=\"\"", "message", "k1=hello\nworld", "k2=")
	f(kv, `cost score=100.0 http-code=-7 a.b=c`, "message", "score=100.0", "http-code=-7", "a.b=c")
	f(kv, "k1:v1", "message")
	f(sluicelog.Content{ExtractKV: true, ExtractKVSeparator: ":"}, "k1:v1 k2:v2", "message", "k1=v1", "k2=v2")
	f(sluicelog.Content{ExtractKV: true, ExtractKVSeparator: "(=|:)"}, `k1=v1 k2:v2 k3 = v3 k4 : "v 4"`, "message", "k1=v1", "k2=v2", "k3=v3", "k4=v 4")
	f(sluicelog.Content{ExtractKV: true, ExtractKVDropMessage: true, ExtractKVPrefix: "<", ExtractKVSuffix: ">"}, "a=1", "<a>=1")
	f(sluicelog.Content{ExtractKV: true, ExtractKVDropMessage: true}, "none", "message")

	js := sluicelog.Content{ExtractJSON: true}
	f(js, `{"b":"x","a":1.50,"list":[1, 2],"deep":{"k": null},"no":null,"yes":true}`,
		"message", "b=x", "a=1.50", "list=[1,2]", `deep={"k":null}`, "no=null", "yes=true")
	f(js, "plain", "message")
	f(js, `["a"]`, "message")
	f(js, `{"a":1} and more`, "message")
	f(js, `{"a":`, "message")
	f(sluicelog.Content{ExtractJSON: true, ExtractJSONDropMessage: true, ExtractJSONPrefix: "j_"}, ` {"a":"ü"}`, "j_a=ü")
	f(sluicelog.Content{ExtractJSON: true, ExtractJSONDropMessage: true}, "plain", "message")
}

func TestContentIsChecked(t *testing.T) {
	q := open(t, &store{}, sluicelog.Options{})
	defer q.Close()
	for _, c := range []sluicelog.Content{{Fields: []sluicelog.Field{"thread_id"}}, {ExtractKV: true, ExtractKVSeparator: "("}} {
		if _, err := q.Handler(sluicelog.HandlerOptions{Content: c}); err == nil {
			t.Errorf("a handler takes %+v", c)
		}
		if _, err := q.Writer(sluicelog.WriterOptions{Content: c}); err == nil {
			t.Errorf("a writer takes %+v", c)
		}
	}
}

// What the sending logs with its own context does not come back as a log to send.
func TestSendingDoesNotLogItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{}
		q, err := sluicelog.Open(k, ref, sluicelog.Options{PutWait: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		h, err := q.Handler(sluicelog.HandlerOptions{})
		if err != nil {
			t.Fatal(err)
		}
		logger := slog.New(h)
		k.onPut = func(ctx context.Context) { logger.InfoContext(ctx, "sending") }
		logger.Info("one")
		time.Sleep(time.Minute)
		if err := q.Close(); err != nil {
			t.Error(err)
		}
		if len(k.records) != 1 {
			t.Errorf("%d records, want one", len(k.records))
		}
	})
}

// The contract of slog: a context that ended does not keep a log back.
func TestEndedContextStillLogs(t *testing.T) {
	got := logged(t, sluicelog.HandlerOptions{}, func(l *slog.Logger) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		l.InfoContext(ctx, "last words")
	})
	if len(got) != 1 {
		t.Errorf("%d records", len(got))
	}
}

func TestWriterMakesLogsOfLines(t *testing.T) {
	k := &keeper{}
	q, err := sluicelog.Open(k, ref, sluicelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := q.Writer(sluicelog.WriterOptions{Level: "INFO", Content: sluicelog.Content{Fields: []sluicelog.Field{sluicelog.Level}, ExtractKV: true}})
	if err != nil {
		t.Fatal(err)
	}
	log.New(w, "", 0).Print("from=log")
	io.WriteString(w, "half a ")                        //nolint:errcheck // Close tells
	io.WriteString(w, "line\r\n\n  \nand the begin")    //nolint:errcheck // as above
	io.WriteString(w, strings.Repeat("x", 2<<20)+"\nz") //nolint:errcheck // as above
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range k.records {
		if r.Fields[0] != (sluice.Field{Key: "level", Value: "INFO"}) {
			t.Errorf("fields %v", r.Fields)
		}
		text := r.Fields[1].Value
		if len(text) > 100 {
			text = text[:14] + "… " + strconv.Itoa(len(text))
		}
		got = append(got, text)
	}
	want := []string{"from=log", "half a line", "and the beginx… 1048576", "xxxxxxxxxxxxxx… 1048576", "xxxxxxxxxxxxx", "z"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if _, err := io.WriteString(w, "late\n"); !errors.Is(err, sluicelog.ErrClosed) {
		t.Errorf("write to a closed queue: %v", err)
	}
}
