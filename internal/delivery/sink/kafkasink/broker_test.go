//go:build compat

package kafkasink_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/kafkasink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
	"github.com/sluicelog/sluice/test/kafkabroker"
	"github.com/sluicelog/sluice/test/netfault"
)

// realTopic is a topic of a real broker, a reader of it, and a sink that reaches it through a network that can fail.
type realTopic struct {
	cluster
	name string
}

var topics int

func newRealTopic(t *testing.T, b *kafkabroker.Broker, partitions int32, configs map[string]string) *realTopic {
	t.Helper()
	d := &realTopic{cluster: cluster{t: t, proxies: map[string]*netfault.Proxy{}}, name: newTopic(t, b, partitions, configs)}
	for _, address := range []string{b.Plain, b.SASL, b.TLS} {
		d.proxies[address] = netfault.New(t, address)
	}
	var err error
	d.reader, err = kgo.NewClient(kgo.SeedBrokers(b.Plain), kgo.ConsumeTopics(d.name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableClientMetrics())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.reader.Close)
	return d
}

// newTopic makes a topic and returns its name.
func newTopic(t testing.TB, b *kafkabroker.Broker, partitions int32, configs map[string]string) string {
	t.Helper()
	topics++
	admin, err := kgo.NewClient(kgo.SeedBrokers(b.Plain), kgo.DisableClientMetrics())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	request := kmsg.NewPtrCreateTopicsRequest()
	about := kmsg.NewCreateTopicsRequestTopic()
	about.Topic, about.NumPartitions, about.ReplicationFactor = fmt.Sprintf("topic-%d", topics), partitions, 1
	for k, v := range configs {
		about.Configs = append(about.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: k, Value: kmsg.StringPtr(v)})
	}
	request.Topics = append(request.Topics, about)
	answer, err := request.RequestWith(context.Background(), admin)
	if err != nil || answer.Topics[0].ErrorCode != 0 {
		t.Fatalf("create the topic: %v, %+v", err, answer)
	}
	return about.Topic
}

func (d *realTopic) open(t *testing.T, c kafkasink.Config) *realTopic {
	t.Helper()
	c.Topic = d.name
	s, err := kafkasink.Open(c, sink.Env{Dial: d.dial, Now: time.Now, Version: "compat"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	d.sink = s
	return d
}

func sasl(mechanism string, u kafkabroker.User) *kafkasink.SASL {
	return &kafkasink.SASL{Mechanism: mechanism, User: u.Name, Password: sink.NewSecret(u.Password)}
}

// TestRealBroker runs against Apache Kafka.
func TestRealBroker(t *testing.T) {
	b := kafkabroker.Start(t)
	t.Run("conformance", func(t *testing.T) { realConformance(t, b) })
	t.Run("security", func(t *testing.T) { realSecurity(t, b) })
	t.Run("console consumer", func(t *testing.T) { realConsole(t, b) })
	t.Run("refusals", func(t *testing.T) { realRefusals(t, b) })
}

func realConformance(t *testing.T, b *kafkabroker.Broker) {
	for _, c := range []struct {
		name   string
		config kafkasink.Config
		faults map[sinktest.Fault]sinktest.Class
	}{
		{"plain", kafkasink.Config{Brokers: []string{b.Plain}, Compression: encode.LZ4, TimeoutSeconds: 2}, map[sinktest.Fault]sinktest.Class{
			sinktest.Refuse: sinktest.Retry, sinktest.Cut: sinktest.Retry, sinktest.Stall: sinktest.Retry,
		}},
		{"SCRAM over TLS", kafkasink.Config{
			Brokers: []string{b.TLS}, TLS: &tlsconf.Config{CA: b.CA}, SASL: sasl("SCRAM-SHA-512", kafkabroker.Admin), Compression: encode.Zstd,
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			sinktest.Run(t, sinktest.Harness{
				Open:     func(t *testing.T) sinktest.Destination { return newRealTopic(t, b, 1, nil).open(t, c.config) },
				Repeats:  sinktest.SameID,
				Faults:   c.faults,
				MaxValue: 900_000,
				Secrets:  []string{kafkabroker.Admin.Password},
			})
		})
	}
}

func realSecurity(t *testing.T, b *kafkabroker.Broker) {
	d := newRealTopic(t, b, 3, nil)
	wrong := kafkabroker.User{Name: kafkabroker.Admin.Name, Password: "wrong-hunter2"}
	for _, c := range []struct {
		name   string
		config kafkasink.Config
		halt   string
	}{
		{"PLAIN", kafkasink.Config{Brokers: []string{b.SASL}, SASL: sasl("PLAIN", kafkabroker.Admin)}, ""},
		{"SCRAM-SHA-256", kafkasink.Config{Brokers: []string{b.SASL}, SASL: sasl("SCRAM-SHA-256", kafkabroker.Admin)}, ""},
		{"SCRAM-SHA-512 over TLS", kafkasink.Config{Brokers: []string{b.TLS}, TLS: &tlsconf.Config{CA: b.CA}, SASL: sasl("scram-sha-512", kafkabroker.Admin)}, ""},
		{"PLAIN over any TLS", kafkasink.Config{Brokers: []string{b.TLS}, TLS: &tlsconf.Config{SkipVerify: true}, SASL: sasl("PLAIN", kafkabroker.Admin)}, ""},
		{"wrong PLAIN", kafkasink.Config{Brokers: []string{b.SASL}, SASL: sasl("PLAIN", wrong)}, "do not accept"},
		{"wrong SCRAM", kafkasink.Config{Brokers: []string{b.SASL}, SASL: sasl("SCRAM-SHA-256", wrong)}, "do not accept"},
		{"untrusted", kafkasink.Config{Brokers: []string{b.TLS}, TLS: &tlsconf.Config{}, SASL: sasl("PLAIN", kafkabroker.Admin)}, "not trusted"},
		{"guest", kafkasink.Config{Brokers: []string{b.SASL}, SASL: sasl("PLAIN", kafkabroker.Guest)}, "permit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.config.TimeoutSeconds = 5
			d.open(t, c.config)
			for what, err := range map[string]error{"check": d.sink.Check(t.Context()), "send": d.send(t.Context(), "x")} {
				halt := (*sink.Halt)(nil)
				if c.halt == "" && err != nil || c.halt != "" && (!errors.As(err, &halt) || !strings.Contains(err.Error(), c.halt)) {
					t.Errorf("%s: got %v, want %q", what, err, c.halt)
				}
				if err != nil && strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%s: the error shows a secret: %v", what, err)
				}
			}
		})
	}
}

// realConsole reads with Kafka's own consumer, which decompresses and checks what was sent.
func realConsole(t *testing.T, b *kafkabroker.Broker) {
	for _, c := range []struct {
		balancer    kafkasink.Balancer
		compression encode.Compression
		partitions  map[string]int // of the reference's keys among 6
	}{
		{kafkasink.Murmur2, encode.Gzip, map[string]int{"a": 4, "ab": 2, "abc": 3, "sluice": 1}},
		{kafkasink.Hash, encode.Snappy, map[string]int{"a": 0, "ab": 0, "abc": 5, "sluice": 2}},
		{kafkasink.CRC32, encode.LZ4, map[string]int{"a": 3, "ab": 5, "abc": 0, "sluice": 4}},
	} {
		d := newRealTopic(t, b, 6, nil).open(t, kafkasink.Config{
			Brokers: []string{b.SASL}, SASL: sasl("SCRAM-SHA-256", kafkabroker.Admin), KeyField: "k", Balancer: c.balancer, Compression: c.compression,
		})
		keys := []string{"a", "ab", "abc", "sluice"}
		if err := d.send(t.Context(), keys...); err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, line := range b.Consume(t, d.name, len(keys)) {
			got[line] = true
		}
		for i, k := range keys {
			want := fmt.Sprintf("CreateTime:%d\tPartition:%d\tsluice-task:t1,sluice-batch:%s,sluice-cursor:3/7.%d\t%s\t{\"n\":\"%d\",\"k\":%q}",
				int64(1767323045)*1000+int64(i), c.partitions[k], header.ID(sink.Point{Position: 8}), i, k, i, k)
			if !got[want] {
				t.Errorf("%s: the consumer did not print %q", c.balancer, want)
			}
		}
		if t.Failed() {
			t.Logf("it printed %v", got)
		}
	}
}

// realRefusals: errors that only a real broker makes.
func realRefusals(t *testing.T, b *kafkabroker.Broker) {
	plain := kafkasink.Config{Brokers: []string{b.Plain}, TimeoutSeconds: 5}
	t.Run("a topic with a lower limit", func(t *testing.T) {
		d := newRealTopic(t, b, 1, map[string]string{"max.message.bytes": "2000"}).open(t, plain)
		if err := d.send(t.Context(), make([]string, 100)...); !errors.Is(err, sink.ErrTooLarge) {
			t.Errorf("got %v, want too large", err)
		}
	})
	t.Run("a compacted topic without keys", func(t *testing.T) {
		d := newRealTopic(t, b, 1, map[string]string{"cleanup.policy": "compact"}).open(t, plain)
		if err := d.send(t.Context(), "x"); !errors.As(err, new(*sink.Halt)) {
			t.Errorf("got %v, want a halt", err)
		}
	})
	t.Run("old timestamps", func(t *testing.T) {
		d := newRealTopic(t, b, 1, map[string]string{"message.timestamp.before.max.ms": "1000"}).open(t, plain)
		if err := d.send(t.Context(), "x"); !errors.As(err, new(*sink.Halt)) || !errors.Is(err, kerr.InvalidTimestamp) {
			t.Errorf("got %v, want a halt about timestamps", err)
		}
		now := plain
		now.Timestamp = "now"
		if err := d.open(t, now).send(t.Context(), "x"); err != nil {
			t.Error(err)
		}
	})
	t.Run("no topic", func(t *testing.T) {
		d := newRealTopic(t, b, 1, nil)
		d.name = "nowhere"
		d.open(t, plain)
		for what, err := range map[string]error{"check": d.sink.Check(t.Context()), "send": d.send(t.Context(), "x")} {
			if !errors.As(err, new(*sink.Halt)) {
				t.Errorf("%s: got %v, want a halt", what, err)
			}
		}
	})
}

// BenchmarkRealBroker produces to Apache Kafka, which is another process.
func BenchmarkRealBroker(b *testing.B) {
	broker := kafkabroker.Start(b)
	for _, compression := range []encode.Compression{encode.None, encode.Gzip, encode.Snappy, encode.LZ4, encode.Zstd} {
		b.Run(string(compression), func(b *testing.B) {
			name := newTopic(b, broker, 3, nil)
			s, err := kafkasink.Open(kafkasink.Config{Brokers: []string{broker.Plain}, Topic: name, Compression: compression}, sink.Env{Dial: new(net.Dialer).DialContext})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			sinktest.Bench(b, s)
		})
	}
}
