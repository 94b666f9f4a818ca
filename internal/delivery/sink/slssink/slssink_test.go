package slssink_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
	"github.com/sluicelog/sluice/internal/delivery/sink/slssink"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/test/netfault"
)

const project = "siem"

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}

// server is a real server, reached directly by readers and by sinks through something that can answer in its place, and through a
// network that can fail.
type server struct {
	env    *testenv.Env
	reader *client.Client
	stores int
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{env: testenv.Start(t, func(c *config.Config) { c.Ingest.MaxPast = 0 })} // the logs of the tests are from a fixed day
	var err error
	s.reader, err = client.New(client.Options{Endpoint: s.env.URL(), AccessKeyID: testenv.RootID, Secret: testenv.RootSecret, HTTPClient: s.env.Client()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.reader.CreateProject(t.Context(), project, ""); err != nil {
		t.Fatal(err)
	}
	return s
}

// logstore makes an empty one.
func (s *server) logstore(t *testing.T, shards int) string {
	t.Helper()
	s.stores++
	name := fmt.Sprintf("store-%d", s.stores)
	if err := s.reader.CreateLogstore(t.Context(), ref(name), client.LogstoreSpec{ShardCount: &shards}); err != nil {
		t.Fatal(err)
	}
	return name
}

func ref(logstore string) sluice.LogstoreRef {
	return sluice.LogstoreRef{Project: project, Logstore: logstore}
}

// groups reads a logstore back.
func (s *server) groups(ctx context.Context, logstore string) ([]*sluice.LogGroup, error) {
	shards, err := s.reader.Shards(ctx, ref(logstore))
	if err != nil {
		return nil, err
	}
	var out []*sluice.LogGroup
	for _, shard := range shards {
		cursor, err := s.reader.BeginCursor(ctx, ref(logstore), shard.ID)
		if err != nil {
			return nil, err
		}
		for {
			p, err := s.reader.Pull(ctx, ref(logstore), shard.ID, client.PullOptions{Cursor: cursor})
			if err != nil {
				return nil, err
			}
			out = append(out, p.Groups...)
			if len(p.Groups) == 0 {
				break
			}
			cursor = p.Next
		}
	}
	return out, nil
}

// store is a logstore and the sink that writes to it.
type store struct {
	*server
	name  string
	proxy *netfault.Proxy
	sink  sink.Sink

	mu    sync.Mutex // guards fault
	fault sinktest.Fault
}

// answers of the faults that something before the server makes, as a log service would.
var answers = map[sinktest.Fault]struct {
	status int
	code   string
}{
	sinktest.Unauthorized: {401, "Unauthorized"},
	sinktest.Forbidden:    {403, "ProjectForbidden"},
	sinktest.Missing:      {404, "LogStoreNotExist"},
	sinktest.Busy:         {403, "WriteQuotaExceed"},
	sinktest.Broken:       {500, "InternalServerError"},
	sinktest.TooLarge:     {400, "PostBodyTooLarge"},
}

// newStore puts a network and a reverse proxy before the server.
func newStore(t *testing.T, s *server, c slssink.Config) *store {
	t.Helper()
	d := &store{server: s, name: s.logstore(t, 1)}
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: s.env.Addr})
	transport := s.env.Transport()
	forward.Transport = transport
	t.Cleanup(transport.CloseIdleConnections)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		a, ok := answers[d.fault]
		d.mu.Unlock()
		if !ok {
			forward.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(a.status)
		fmt.Fprintf(w, `{"errorCode":%q,"errorMessage":"said to %s"}`, a.code, r.Header.Get("Authorization"))
	}))
	t.Cleanup(front.Close)
	d.proxy = netfault.New(t, front.Listener.Addr().String())
	c.Endpoint = "http://" + d.proxy.Addr()
	c.AccessKeyID, c.AccessKeySecret = testenv.RootID, sink.NewSecret(testenv.RootSecret)
	d.open(t, c)
	return d
}

func (d *store) open(t *testing.T, c slssink.Config) {
	t.Helper()
	c.Project, c.Logstore = project, d.name
	env := sink.Env{Dial: dial, Now: time.Now, Version: "test"}
	if c.Endpoint == "" {
		env.Local = d.env.Node.Ingest
	}
	out, err := slssink.Open(c, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	d.sink = out
}

func (d *store) Sink() sink.Sink { return d.sink }

func (d *store) Received(ctx context.Context, _ int) ([]sinktest.Delivery, error) {
	groups, err := d.groups(context.WithoutCancel(ctx), d.name)
	var out []sinktest.Delivery
	for _, g := range groups {
		del := sinktest.Delivery{ID: tagOf(g, "__sluice_batch__")}
		for _, r := range g.Records {
			var fields []sink.Field
			for _, f := range r.Fields {
				fields = append(fields, sink.Field{Key: f.Key, Value: f.Value})
			}
			del.Logs = append(del.Logs, fields)
		}
		out = append(out, del)
	}
	return out, err
}

func tagOf(g *sluice.LogGroup, key string) string {
	for _, tag := range g.Tags {
		if tag.Key == key {
			return tag.Value
		}
	}
	return ""
}

func (d *store) Inject(f sinktest.Fault) {
	switch f {
	case sinktest.Refuse:
		d.proxy.Refuse()
	case sinktest.Cut:
		d.proxy.Cut(200)
	case sinktest.Stall:
		d.proxy.Stall()
	case sinktest.Silent:
		d.proxy.CutAnswer(1)
	}
	d.set(f)
}

func (d *store) Heal() {
	d.proxy.Heal()
	d.set("")
}

func (d *store) set(f sinktest.Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = f
}

// exact is what a logstore holds: every byte, and no absent fields.
func exact(e *sink.Entry) []sink.Field {
	return slices.DeleteFunc(slices.Clone(e.Fields), func(f sink.Field) bool { return f.Kind == sink.Absent })
}

func TestConformance(t *testing.T) {
	s := newServer(t)
	t.Run("over the network", func(t *testing.T) {
		sinktest.Run(t, sinktest.Harness{
			Open:    func(t *testing.T) sinktest.Destination { return newStore(t, s, slssink.Config{}) },
			Want:    exact,
			Repeats: sinktest.SameID,
			Faults: map[sinktest.Fault]sinktest.Class{
				sinktest.Refuse: sinktest.Retry, sinktest.Cut: sinktest.Retry, sinktest.Stall: sinktest.Retry, sinktest.Silent: sinktest.Retry,
				sinktest.Unauthorized: sinktest.Halt, sinktest.Forbidden: sinktest.Halt, sinktest.Missing: sinktest.Halt,
				sinktest.Busy: sinktest.Later, sinktest.Broken: sinktest.Retry, sinktest.TooLarge: sinktest.Oversize,
			},
			Secrets: []string{testenv.RootSecret},
		})
	})
	t.Run("in the same server", func(t *testing.T) {
		sinktest.Run(t, sinktest.Harness{
			Open: func(t *testing.T) sinktest.Destination {
				d := &store{server: s, name: s.logstore(t, 1)}
				d.open(t, slssink.Config{})
				return d
			},
			Want:    exact,
			Repeats: sinktest.SameID,
		})
	})
}

// log makes a log of a topic.
func log(i int, topic string) *sink.Entry {
	return &sink.Entry{
		At: sink.Point{Position: 7, Index: i}, Time: 1767323045 + uint32(i), Nanos: 5, Topic: topic, Source: "192.0.2.1",
		Tags: []sluice.Field{{Key: "__path__", Value: "/x"}}, Fields: []sink.Field{{Key: "n", Value: fmt.Sprint(i)}},
	}
}

var (
	header = sink.Header{Project: "p1", Task: "t1", Shard: 3, From: sink.Point{Position: 7}}
	to     = sink.Point{Position: 8}
)

// send sends a log of each topic in one batch.
func send(t *testing.T, s sink.Sink, topics ...string) error {
	t.Helper()
	b := s.Begin(header)
	defer b.Release()
	for i, topic := range topics {
		if err := b.Add(log(i, topic)); err != nil {
			t.Fatal(err)
		}
	}
	return b.Send(t.Context(), to)
}

func TestGroups(t *testing.T) {
	s := newServer(t)
	audit, err := s.logstore(t, 1), error(nil)
	d := newStore(t, s, slssink.Config{LogstoreByTopic: map[string]string{"audit": audit, "noise": ""}})
	if err := d.sink.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := send(t, d.sink, "a", "audit", "a", "b", "noise", "audit"); err != nil {
		t.Fatal(err)
	}
	tags := []sluice.Field{{Key: "__path__", Value: "/x"}, {Key: "__sluice_batch__", Value: header.ID(to)}}
	group := func(topic string, logs ...int) *sluice.LogGroup {
		g := &sluice.LogGroup{Topic: topic, Source: "192.0.2.1", Tags: tags}
		for _, i := range logs {
			g.Records = append(g.Records, sluice.Record{Time: 1767323045 + uint32(i), Nanos: 5, Fields: []sluice.Field{{Key: "n", Value: fmt.Sprint(i)}}})
		}
		return g
	}
	for logstore, want := range map[string][]*sluice.LogGroup{
		d.name: {group("a", 0, 2), group("b", 3)},
		audit:  {group("audit", 1, 5)},
	} {
		got, getErr := s.groups(t.Context(), logstore)
		err = errors.Join(err, getErr)
		for _, g := range got { // the server adds tags of its own
			g.Tags = slices.DeleteFunc(g.Tags, func(f sluice.Field) bool { return !slices.Contains(tags, f) })
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", logstore, err, diff)
		}
	}
}

func TestOverrides(t *testing.T) {
	s := newServer(t)
	topic, source := "new", ""
	d := newStore(t, s, slssink.Config{Topic: &topic, Source: &source, DropTags: true, BatchTag: "id"})
	if err := send(t, d.sink, "a", "b"); err != nil {
		t.Fatal(err)
	}
	got, err := s.groups(t.Context(), d.name)
	if err != nil || len(got) != 1 || got[0].Topic != "new" || got[0].Source != "" || tagOf(got[0], "__path__") != "" || tagOf(got[0], "id") != header.ID(to) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestNothingTwice: what the log group says of a log is not in its contents, unless the group says something else.
func TestNothingTwice(t *testing.T) {
	s := newServer(t)
	topic := "new"
	for _, c := range []struct {
		config slssink.Config
		want   string
	}{
		{slssink.Config{}, "n __own__"},
		{slssink.Config{Topic: &topic, DropTags: true}, "n __topic__ __tag__:__path__ __own__"},
	} {
		d := newStore(t, s, c.config)
		b := d.sink.Begin(header)
		e := &sink.Entry{Time: 1767323045, Topic: "t", Source: "s", Tags: []sluice.Field{{Key: "__path__", Value: "/x"}}}
		for _, key := range []string{"n", "__time__", "__topic__", "__source__", "__tag__:__path__", "__own__"} {
			e.Fields = append(e.Fields, sink.Field{Key: key, Value: "v"})
		}
		if err := b.Add(e); err != nil {
			t.Fatal(err)
		}
		if err := b.Send(t.Context(), to); err != nil {
			t.Fatal(err)
		}
		b.Release()
		got, err := s.groups(t.Context(), d.name)
		if err != nil || len(got) != 1 {
			t.Fatalf("got %+v, %v", got, err)
		}
		var keys []string
		for _, f := range got[0].Records[0].Fields {
			keys = append(keys, f.Key)
		}
		if text := strings.Join(keys, " "); text != c.want {
			t.Errorf("the contents are %s, want %s", text, c.want)
		}
	}
}

// TestKeepOrder: what comes from one shard goes to one shard.
func TestKeepOrder(t *testing.T) {
	s := newServer(t)
	d := newStore(t, s, slssink.Config{KeepOrder: true, SignV4: true, Region: "local"})
	d.name = s.logstore(t, 4)
	c := slssink.Config{KeepOrder: true, SignV4: true, Region: "local", Endpoint: "http://" + d.proxy.Addr(), AccessKeyID: testenv.RootID}
	c.AccessKeySecret = sink.NewSecret(testenv.RootSecret)
	d.open(t, c)
	for range 8 {
		if err := send(t, d.sink, "a"); err != nil {
			t.Fatal(err)
		}
	}
	shards, err := s.reader.Shards(t.Context(), ref(d.name))
	if err != nil {
		t.Fatal(err)
	}
	used := 0
	for _, shard := range shards {
		cursor, err := s.reader.BeginCursor(t.Context(), ref(d.name), shard.ID)
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.reader.Pull(t.Context(), ref(d.name), shard.ID, client.PullOptions{Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Groups) > 0 {
			used++
		}
	}
	if used != 1 {
		t.Errorf("the batches of one shard went to %d shards, want 1", used)
	}
}

// TestRealRefusals: what the server itself says about keys, names and logs that are wrong.
func TestRealRefusals(t *testing.T) {
	s := newServer(t)
	d := newStore(t, s, slssink.Config{})
	endpoint := "http://" + d.proxy.Addr()
	for name, c := range map[string]slssink.Config{
		"secret":   {Endpoint: endpoint, AccessKeyID: testenv.RootID, AccessKeySecret: sink.NewSecret("wrong-hunter2")},
		"key":      {Endpoint: endpoint, AccessKeyID: "nobody", AccessKeySecret: sink.NewSecret("wrong-hunter2")},
		"logstore": {Endpoint: endpoint, AccessKeyID: testenv.RootID, AccessKeySecret: sink.NewSecret(testenv.RootSecret)},
		"local":    {},
	} {
		other := &store{server: s, name: "nowhere"}
		other.open(t, c)
		for what, err := range map[string]error{"check": other.sink.Check(t.Context()), "send": send(t, other.sink, "a")} {
			if !errors.As(err, new(*sink.Halt)) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s, %s: got %v, want a halt", name, what, err)
			}
		}
	}
	for name, c := range map[string]slssink.Config{
		"over the network": {Endpoint: endpoint, AccessKeyID: testenv.RootID, AccessKeySecret: sink.NewSecret(testenv.RootSecret)},
		"local":            {},
	} {
		d.open(t, c)
		d.wantRefusals(t, name)
	}
}

// wantRefusals sends logs that no logstore takes, alone and with another one: the engine finds the one to blame by halving.
func (d *store) wantRefusals(t *testing.T, name string) {
	t.Helper()
	long, future := log(1, "a"), log(1, "a")
	long.Fields[0].Key = strings.Repeat("k", 2000)
	future.Time = 1<<32 - 1
	for _, c := range []struct {
		name    string
		log     *sink.Entry
		n       int
		refused bool
	}{{"a long key", long, 1, false}, {"a long key", long, 2, false}, {"a far future", future, 1, true}, {"a far future", future, 2, false}} {
		b := d.sink.Begin(header)
		for i := range c.n - 1 {
			if err := b.Add(log(i+2, "a")); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Add(c.log); err != nil {
			t.Fatal(err)
		}
		err := b.Send(t.Context(), to)
		if errors.As(err, new(*sink.Refused)) != c.refused || errors.Is(err, sink.ErrTooLarge) == c.refused {
			t.Errorf("%s, %s of %d logs: got %v; is it refused? want %v", name, c.name, c.n, err, c.refused)
		}
		b.Release()
	}
}

// TestValidate: each document is the field to blame and what is merged into a good one.
func TestValidate(t *testing.T) {
	for _, c := range []struct{ field, document string }{
		{"", `{}`},
		{"", `{"endpoint":"https://cn-hangzhou.log.aliyuncs.com","accessKeyId":"i","accessKeySecret":"hunter2","signV4":true,"region":"cn-hangzhou","tls":{}}`},
		{"", `{"topic":"","source":"x","logstoreByTopic":{"a":"other","":"none-1"}}`},
		{"endpoint", `{"accessKeyId":"i"}`},
		{"endpoint", `{"tls":{}}`},
		{"endpoint", `{"endpoint":"cn-hangzhou.log.aliyuncs.com"}`},
		{"endpoint", `{"endpoint":"http://u:hunter2@h"}`},
		{"endpoint", `{"endpoint":"http://h/path"}`},
		{"accessKeyId", `{"endpoint":"http://h"}`},
		{"accessKeySecret", `{"endpoint":"http://h","accessKeyId":"i"}`},
		{"region", `{"endpoint":"http://h","accessKeyId":"i","accessKeySecret":"hunter2","signV4":true}`},
		{"tls", `{"endpoint":"http://h","accessKeyId":"i","accessKeySecret":"hunter2","tls":{}}`},
		{"project", `{"project":"No"}`},
		{"logstore", `{"logstore":"a/b"}`},
		{"logstore", `{"logstore":""}`},
		{"logstoreByTopic.t", `{"logstoreByTopic":{"t":"../x"}}`},
		{"batchTag", `{"batchTag":"` + strings.Repeat("t", 129) + `"}`},
		{"timeoutSeconds", `{"timeoutSeconds":601}`},
	} {
		conf := slssink.Config{Project: "proj", Logstore: "store"}
		if err := json.Unmarshal([]byte(c.document), &conf); err != nil {
			t.Fatalf("%s: %v", c.document, err)
		}
		err := conf.Validate()
		if c.field == "" && err != nil {
			t.Errorf("%.100s: %v", c.document, err)
		}
		if c.field != "" && (sluice.KindOf(err) != sluice.Invalid || !strings.HasPrefix(err.Error(), c.field) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%.100s: got %v, want one about %s that shows no secret", c.document, err, c.field)
		}
	}
}
