package kafkasink_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
	"github.com/sluicelog/sluice/test/netfault"
)

const (
	topic    = "access"
	password = "hunter2-hunter2"
)

// cluster is a Kafka cluster in memory, a topic, and a reader of it. Connections of the sink go through a network that can fail.
type cluster struct {
	t       *testing.T
	fake    *kfake.Cluster
	reader  *kgo.Client
	proxies map[string]*netfault.Proxy // by the address of the broker
	sink    sink.Sink

	mu    sync.Mutex // guards what is below
	read  []*kgo.Record
	fault sinktest.Fault
}

func newCluster(t *testing.T, partitions int32) *cluster {
	t.Helper()
	fake, err := kfake.NewCluster(
		kfake.NumBrokers(2), kfake.SeedTopics(partitions, topic), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "admin", password),
		kfake.Superuser("PLAIN", "admin", password), kfake.Superuser("SCRAM-SHA-512", "admin", password),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	c := &cluster{t: t, fake: fake, proxies: map[string]*netfault.Proxy{}}
	for _, address := range fake.ListenAddrs() {
		c.proxies[address] = netfault.New(t, address)
	}
	c.reader, err = kgo.NewClient(
		kgo.SeedBrokers(fake.ListenAddrs()...), kgo.ConsumeTopics(topic), kgo.SASL(scram.Auth{User: "admin", Pass: password}.AsSha256Mechanism()),
		kgo.DisableClientMetrics(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.reader.Close)
	fake.Control(c.control)
	return c
}

// dial sends the sink through the proxies.
func (c *cluster) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if p := c.proxies[address]; p != nil {
		address = p.Addr()
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// produceErrors are the answers of the faults that brokers make themselves.
var produceErrors = map[sinktest.Fault]*kerr.Error{
	sinktest.Forbidden: kerr.TopicAuthorizationFailed,
	sinktest.Broken:    kerr.NotEnoughReplicas,
	sinktest.TooLarge:  kerr.MessageTooLarge,
	sinktest.Invalid:   kerr.InvalidRecord,
}

// control answers requests in the place of the cluster while there is a fault.
func (c *cluster) control(request kmsg.Request) (kmsg.Response, error, bool) {
	c.fake.KeepControl()
	c.mu.Lock()
	fault := c.fault
	c.mu.Unlock()
	switch r := request.(type) {
	case *kmsg.ProduceRequest:
		code, ok := produceErrors[fault]
		if !ok {
			return nil, nil, false
		}
		return answerProduce(r, code.Code), nil, true
	case *kmsg.SASLAuthenticateRequest:
		if fault == sinktest.Unauthorized {
			answer := r.ResponseKind().(*kmsg.SASLAuthenticateResponse)
			answer.ErrorCode = kerr.SaslAuthenticationFailed.Code
			return answer, nil, true
		}
	}
	return nil, nil, false
}

// answerProduce answers with this code for all partitions.
func answerProduce(r *kmsg.ProduceRequest, code int16) *kmsg.ProduceResponse {
	answer := r.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range r.Topics {
		about := kmsg.NewProduceResponseTopic()
		about.Topic, about.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			part := kmsg.NewProduceResponseTopicPartition()
			part.Partition, part.ErrorCode = p.Partition, code
			about.Partitions = append(about.Partitions, part)
		}
		answer.Topics = append(answer.Topics, about)
	}
	return answer
}

// The destination of sinktest.

func (c *cluster) Sink() sink.Sink { return c.sink }

func (c *cluster) Received(ctx context.Context, n int) ([]sinktest.Delivery, error) {
	records, err := c.records(ctx, n)
	var out []sinktest.Delivery
	for _, r := range records {
		fields, jsonErr := sinktest.DecodeJSON(r.Value)
		err = errors.Join(err, jsonErr)
		out = append(out, sinktest.Delivery{ID: headerOf(r, "sluice-batch"), Logs: [][]sink.Field{fields}})
	}
	return out, err
}

// records reads until there are n, or until ctx is done.
func (c *cluster) records(ctx context.Context, n int) ([]*kgo.Record, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.read) < n {
		c.mu.Unlock()
		fetches := c.reader.PollFetches(ctx)
		c.mu.Lock()
		c.read = append(c.read, fetches.Records()...)
		if ctx.Err() != nil {
			return c.read, nil
		}
		if err := fetches.Err(); err != nil {
			return c.read, err
		}
	}
	return c.read, nil
}

func (c *cluster) Inject(f sinktest.Fault) {
	for _, p := range c.proxies {
		switch f {
		case sinktest.Refuse:
			p.Refuse()
		case sinktest.Cut:
			p.Cut(300)
		case sinktest.Stall:
			p.Stall()
		case sinktest.Silent:
			p.Mute()
		case sinktest.Unauthorized:
			p.Reset() // who is in, stays in
		}
	}
	c.set(f)
}

func (c *cluster) Heal() {
	c.set("")
	for _, p := range c.proxies {
		p.Heal()
	}
}

func (c *cluster) set(f sinktest.Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = f
}

func headerOf(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}
