package delivery_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/httpsink"
	"github.com/sluicelog/sluice/internal/delivery/sink/kafkasink"
	"github.com/sluicelog/sluice/internal/delivery/sink/s3sink"
)

// realOptions are options with destinations that are not asked anything.
func (b *bed) realOptions() delivery.Options {
	o := b.options("a")
	o.Destinations["http"] = delivery.NewDestination(httpsink.Open)
	o.Destinations["kafka"] = delivery.NewDestination(kafkasink.Open)
	o.Destinations["s3"] = delivery.NewDestination(s3sink.Open)
	return o
}

// Who may change a task and does not know its secrets cannot have them sent elsewhere, however the place is spelled: encoding/json takes
// "bro\u212aers" (Kelvin's sign) for "brokers", and the last one wins.
func TestMaskedSecretsGoNowhereElse(t *testing.T) {
	b := newBed(t, 1)
	e := b.make(b.realOptions())
	const kafka = `{"type":"kafka","brokers":["good.example:9092"],"topic":"t","sasl":{"mechanism":"PLAIN","user":"u","password":"hunter2"}}`
	_, err := e.Create(ctx, project, spec("x", func(s *delivery.Spec) { s.Sink = []byte(kafka) }))
	b.must(err)
	masked := strings.Replace(kafka, "hunter2", sink.Mask, 1)
	for _, members := range []string{
		`"brokers":["evil.example:9092"]`,
		`"brokers":["good.example:9092"],"BROKERS":["evil.example:9092"]`,
		`"BROKERS":["evil.example:9092"]`,
		"\"brokers\":[\"good.example:9092\"],\"bro\u212aers\":[\"evil.example:9092\"]",
		"\"brokers\":[\"good.example:9092\"],\"broker\u017f\":[\"evil.example:9092\"]",
	} {
		doc := strings.Replace(masked, `"brokers":["good.example:9092"]`, members, 1)
		_, err := e.Update(ctx, project, spec("x", func(s *delivery.Spec) { s.Sink = []byte(doc) }), 0)
		now, readErr := e.Task(ctx, project, "x")
		b.must(readErr)
		if strings.Contains(string(now.Spec.Sink), "evil") {
			t.Fatalf("%s: the password goes to %s", members, now.Spec.Sink)
		}
		if err != nil && sluice.KindOf(err) != sluice.Invalid {
			t.Errorf("%s: got error %v", members, err)
		}
	}
	if _, err := e.Update(ctx, project, spec("x", func(s *delivery.Spec) { s.Sink = []byte(masked) }), 0); err != nil {
		t.Errorf("the document as it is shown: %v", err)
	}
}

// A mask that stands for nothing is an error, and not an empty password.
func TestMasksWithoutSecrets(t *testing.T) {
	b := newBed(t, 1)
	e := b.make(b.realOptions())
	doc := `{"type":"http","url":"https://logs.example/in","headers":{"Authorization":"` + sink.Mask + `"}}`
	_, err := e.Create(ctx, project, spec("x", func(s *delivery.Spec) { s.Sink = []byte(doc) }))
	if sluice.KindOf(err) != sluice.Invalid || !strings.Contains(err.Error(), "sink.headers.Authorization") {
		t.Errorf("got error %v", err)
	}
}

// A format with columns needs a task that says which.
func TestFormatsWithColumns(t *testing.T) {
	b := newBed(t, 1)
	e := b.make(b.realOptions())
	f := func(name, format string, fields []string, ok bool) {
		t.Helper()
		_, err := e.Create(ctx, project, spec(name, func(s *delivery.Spec) {
			s.Fields, s.Sink = fields, []byte(`{"type":"http","url":"https://logs.example/in",`+format+`}`)
		}))
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "fields:") {
			t.Errorf("%s: got error %v", name, err)
		}
	}
	f("all", `"format":"csv"`, nil, false)
	f("star", `"format":"csv"`, []string{"a", "*"}, false)
	f("tags", `"format":"parquet"`, []string{"a", "__tag__:*"}, false)
	f("named", `"format":"csv"`, []string{"a", "b"}, true)
	f("columns", `"format":"csv","csv":{"columns":["a"]}`, nil, true)
	f("json", `"format":"json"`, nil, true)
}

// A proof is asked for by whatever brings a task online, or points one that is online elsewhere.
func TestBucketsAreProvedBeforeLogsGoThere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 1)
		o := b.realOptions()
		o.ProveBuckets = true
		e := b.start(o)
		bucket := func(s *delivery.Spec) {
			s.Sink = []byte(`{"type":"s3","region":"us-east-1","bucket":"not-ours","accessKeyId":"k","secretAccessKey":"s","prefix":"p"}`)
		}
		b.online(e.Engine, spec("x")) // a tape is no bucket
		b.write(1)
		b.settle(e.Engine, "x")
		if got, err := e.Restart(ctx, project, spec("x", bucket), 0); sluice.KindOf(err) != sluice.Conflict {
			t.Errorf("restart: got %v, error %v", got, err)
		}
		task, err := e.Update(ctx, project, spec("x", bucket), 0)
		b.must(err)
		if task.State != delivery.Paused || !strings.Contains(task.Reason, "not-ours") {
			t.Errorf("an online task was pointed to a bucket, and is %s: %q", task.State, task.Reason)
		}
		if _, err := e.Start(ctx, project, "x", delivery.FromPoint); sluice.KindOf(err) != sluice.Conflict {
			t.Errorf("start: got error %v", err)
		}
		if _, err := e.Redrive(ctx, project, "x", time.Time{}, time.Time{}); sluice.KindOf(err) != sluice.Conflict {
			t.Errorf("redrive: got error %v", err)
		}
	})
}

// A restart begins anew with the new document and the old secrets, or changes nothing.
func TestRestart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 2)
		e := b.start(b.options("a"))
		sealed := func(secret string) func(*delivery.Spec) {
			return func(s *delivery.Spec) { s.Sink = []byte(`{"type":"tape","tape":"x","secret":"` + secret + `"}`) }
		}
		b.online(e.Engine, spec("x", sealed("hunter2")))
		b.write(3)
		b.write(2)
		b.settle(e.Engine, "x")
		before, err := e.Task(ctx, project, "x")
		b.must(err)
		for name, change := range map[string]func(*delivery.Spec){
			"no such logstore": func(s *delivery.Spec) { s.Source.Logstore = "nowhere" },
			"yet to come":      func(s *delivery.Spec) { s.Source.Start = "2999-01-01T00:00:00Z" },
			"bad sink":         func(s *delivery.Spec) { s.Sink = []byte(`{"type":"fax"}`) },
		} {
			if _, err := e.Restart(ctx, project, spec("x", sealed(sink.Mask), change), 0); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		after, err := e.Task(ctx, project, "x")
		b.must(err)
		if after.Revision != before.Revision || after.State != delivery.Online || b.status(e.Engine, "x").Counters.Delivered != 5 {
			t.Errorf("a restart that failed changed the task: %+v", after)
		}
		_, err = e.Restart(ctx, project, spec("x", sealed(sink.Mask)), before.Revision)
		b.must(err)
		if s := b.settle(e.Engine, "x"); s.Counters.Delivered != 5 {
			t.Errorf("after the restart %+v", s.Counters)
		}
		if got := b.tape("x").logs(); len(got) != 10 || b.tape("x").secret != "hunter2" {
			t.Errorf("%d logs arrived: %q, secret %q", len(got), got, b.tape("x").secret)
		}
	})
}
