package kafkasink_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/kafkasink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
	"github.com/sluicelog/sluice/test/certs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens a sink that delivers to the cluster, with good credentials unless there are others.
func (c *cluster) open(config kafkasink.Config) *cluster {
	c.t.Helper()
	config.Brokers, config.Topic = c.fake.ListenAddrs(), topic
	if config.SASL == nil {
		config.SASL = &kafkasink.SASL{Mechanism: "SCRAM-SHA-256", User: "admin", Password: sink.NewSecret(password)}
	}
	s, err := kafkasink.Open(config, sink.Env{Dial: c.dial, Now: time.Now, Version: "v1.2-test"})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { s.Close() })
	c.sink = s
	return c
}

func TestConformance(t *testing.T) {
	faults := map[sinktest.Fault]sinktest.Class{
		sinktest.Refuse: sinktest.Retry, sinktest.Cut: sinktest.Retry, sinktest.Stall: sinktest.Retry, sinktest.Silent: sinktest.Retry,
		sinktest.Unauthorized: sinktest.Halt, sinktest.Forbidden: sinktest.Halt,
		sinktest.Broken: sinktest.Retry, sinktest.TooLarge: sinktest.Oversize, sinktest.Invalid: sinktest.Halt,
	}
	for _, c := range []struct {
		name   string
		config kafkasink.Config
		faults map[sinktest.Fault]sinktest.Class
	}{
		{"plain bytes", kafkasink.Config{}, faults},
		{"lz4", kafkasink.Config{Compression: encode.LZ4}, nil},
		{"zstd, without idempotence", kafkasink.Config{Compression: encode.Zstd, NoIdempotence: true}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.faults != nil {
				c.config.TimeoutSeconds = 2 // which every fault takes, several times; without faults nothing is to end by the clock
			}
			sinktest.Run(t, sinktest.Harness{
				Open:     func(t *testing.T) sinktest.Destination { return newCluster(t, 1).open(c.config) },
				Repeats:  sinktest.SameID,
				Faults:   c.faults,
				MaxValue: 900_000,
				Refusable: func() *sink.Entry {
					return &sink.Entry{Fields: []sink.Field{{Key: "n", Value: "x"}, {Key: "v", Value: strings.Repeat("x", 1_000_000)}}}
				},
				Secrets: []string{password},
			})
		})
	}
}

// log makes the i-th log with a field k.
func log(i int, k string) *sink.Entry {
	return &sink.Entry{
		At: sink.Point{Position: 7, Index: i}, Time: 1767323045, Nanos: uint32(i) * 1_000_000,
		Fields: []sink.Field{{Key: "n", Value: fmt.Sprint(i)}, {Key: "k", Value: k}},
	}
}

var header = sink.Header{Project: "p1", Task: "t1", Shard: 3, From: sink.Point{Position: 7}}

// send sends logs with the keys given in one batch.
func (c *cluster) send(ctx context.Context, keys ...string) error {
	c.t.Helper()
	b := c.sink.Begin(header)
	defer b.Release()
	for i, k := range keys {
		if err := b.Add(log(i, k)); err != nil {
			c.t.Fatal(err)
		}
	}
	return b.Send(ctx, sink.Point{Position: 8})
}

func TestMessages(t *testing.T) {
	for _, compression := range []encode.Compression{encode.None, encode.Gzip, encode.Snappy, encode.LZ4, encode.Zstd} {
		c := newCluster(t, 3).open(kafkasink.Config{KeyField: "k", Balancer: kafkasink.CRC32, Compression: compression})
		keys := []string{"a", "ab", "abc", "a", "sluice"}
		if err := c.send(t.Context(), keys...); err != nil {
			t.Fatal(err)
		}
		got, err := c.records(t.Context(), len(keys))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range got {
			var i int
			if _, err := fmt.Sscanf(string(r.Value), `{"n":"%d"`, &i); err != nil {
				t.Fatal(err)
			}
			if string(r.Key) != keys[i] || r.Partition != int32(crc32.ChecksumIEEE(r.Key)%3) {
				t.Errorf("%s: message %d has the key %q and is in partition %d", compression, i, r.Key, r.Partition)
			}
			if want := time.Unix(1767323045, int64(i)*1_000_000); !r.Timestamp.Equal(want) {
				t.Errorf("%s: message %d is from %v, want %v", compression, i, r.Timestamp, want)
			}
			for key, want := range map[string]string{
				"sluice-task": "t1", "sluice-batch": header.ID(sink.Point{Position: 8}), "sluice-cursor": fmt.Sprintf("3/7.%d", i),
			} {
				if headerOf(r, key) != want {
					t.Errorf("%s: %s of message %d is %q, want %q", compression, key, i, headerOf(r, key), want)
				}
			}
		}
	}
}

func TestKeys(t *testing.T) {
	c := newCluster(t, 1).open(kafkasink.Config{KeyField: "k"})
	b := c.sink.Begin(header)
	defer b.Release()
	logs := []*sink.Entry{log(0, "x"), log(1, ""), log(2, "y"), log(3, "z")}
	logs[2].Fields = logs[2].Fields[:1]
	logs[3].Fields[1].Kind = sink.Absent
	for _, e := range logs {
		if err := b.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Send(t.Context(), sink.Point{Position: 8}); err != nil {
		t.Fatal(err)
	}
	got, err := c.records(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	if string(got[0].Key) != "x" || got[1].Key == nil || len(got[1].Key) != 0 || got[2].Key != nil || got[3].Key != nil {
		t.Errorf("the keys are %q %v %v %v, want x, an empty one and none twice", got[0].Key, got[1].Key, got[2].Key, got[3].Key)
	}
}

// TestRetriesKeepOrder breaks the connection now and then while batches go to several partitions: every message arrives, and the first
// appearances of each partition are in order.
func TestRetriesKeepOrder(t *testing.T) {
	const batches, size = 15, 40
	c := newCluster(t, 4).open(kafkasink.Config{TimeoutSeconds: 3})
	n := 0
	for i := range batches {
		b := c.sink.Begin(header)
		for range size {
			if err := b.Add(log(n, "")); err != nil {
				t.Fatal(err)
			}
			n++
		}
		if i%5 == 2 {
			for _, p := range c.proxies {
				p.Cut(2000)
			}
		}
		err := b.Send(t.Context(), sink.Point{Position: 8})
		for ; err != nil; err = b.Send(t.Context(), sink.Point{Position: 8}) {
			for _, p := range c.proxies {
				p.Heal()
			}
		}
		b.Release()
	}
	got, err := c.records(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	seen, last := map[string]bool{}, map[int32]int{}
	for _, r := range got {
		var i int
		if _, err := fmt.Sscanf(string(r.Value), `{"n":"%d"`, &i); err != nil {
			t.Fatal(err)
		}
		if cursor := headerOf(r, "sluice-cursor"); !seen[cursor] {
			seen[cursor] = true
			if i < last[r.Partition] {
				t.Errorf("message %d came behind %d in partition %d", i, last[r.Partition], r.Partition)
			}
			last[r.Partition] = i
		}
	}
	if len(seen) != n {
		t.Errorf("%d messages of %d arrived", len(seen), n)
	}
}

func TestSASL(t *testing.T) {
	c := newCluster(t, 1)
	for _, mechanism := range []string{"PLAIN", "plain", "SCRAM-SHA-256", "scram-sha-512"} {
		c.open(kafkasink.Config{SASL: &kafkasink.SASL{Mechanism: mechanism, User: "admin", Password: sink.NewSecret(password)}})
		if err := errors.Join(c.sink.Check(t.Context()), c.send(t.Context(), "x")); err != nil {
			t.Errorf("%s: %v", mechanism, err)
		}
	}
}

func TestTLS(t *testing.T) {
	ca := certs.New(t)
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic), kfake.TLS(ca.Issue(t, "broker").Server(t, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer fake.Close()
	open := func(conf *tlsconf.Config) *cluster {
		c := &cluster{t: t, fake: fake}
		s, err := kafkasink.Open(kafkasink.Config{Brokers: fake.ListenAddrs(), Topic: topic, TLS: conf, TimeoutSeconds: 5}, sink.Env{Dial: c.dial})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		c.sink = s
		return c
	}
	for name, conf := range map[string]*tlsconf.Config{"authority": {CA: ca.PEM}, "any": {SkipVerify: true}} {
		c := open(conf)
		if err := errors.Join(c.sink.Check(t.Context()), c.send(t.Context(), "x")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := open(&tlsconf.Config{})
	for what, err := range map[string]error{"check": c.sink.Check(t.Context()), "send": c.send(t.Context(), "x")} {
		if !errors.As(err, new(*sink.Halt)) {
			t.Errorf("%s to a broker that is not trusted: got %v, want a halt", what, err)
		}
	}
}

// TestMissingTopic: no topic is made, and its absence is for people.
func TestMissingTopic(t *testing.T) {
	c := newCluster(t, 1)
	s, err := kafkasink.Open(kafkasink.Config{
		Brokers: c.fake.ListenAddrs(), Topic: "nowhere", TimeoutSeconds: 10,
		SASL: &kafkasink.SASL{Mechanism: "PLAIN", User: "admin", Password: sink.NewSecret(password)},
	}, sink.Env{Dial: c.dial})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c.sink = s
	for what, err := range map[string]error{"check": c.sink.Check(t.Context()), "send": c.send(t.Context(), "x")} {
		if !errors.As(err, new(*sink.Halt)) {
			t.Errorf("%s: got %v, want a halt", what, err)
		}
	}
	if c.fake.TopicInfo("nowhere") != nil {
		t.Error("the topic was made")
	}
}

// TestTopicDeleted: a topic that goes away under a running task is for people, too.
func TestTopicDeleted(t *testing.T) {
	c := newCluster(t, 1).open(kafkasink.Config{TimeoutSeconds: 10})
	if err := c.send(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if err := c.fake.DeleteTopic(topic); err != nil {
		t.Fatal(err)
	}
	if err := c.send(t.Context(), "x"); !errors.As(err, new(*sink.Halt)) {
		t.Errorf("got %v, want a halt", err)
	}
}
