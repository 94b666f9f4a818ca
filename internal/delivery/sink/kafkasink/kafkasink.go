// Package kafkasink delivers logs as messages of a Kafka topic.
//
//	key    the value of the log's key field, or none
//	value  the log as JSON or another row format
//	time   the log's
//	headers
//	  sluice-task    the task's name
//	  sluice-batch   the batch's id: messages of a batch that was sent again have it again
//	  sluice-cursor  SHARD/POSITION.INDEX, which no two logs of a task share
//
// A batch is delivered when all replicas that are in sync have each of its messages (acks=all). The producer is idempotent: what the client
// itself sends again, the broker recognizes. When Send is called again after an error, the messages that were acknowledged stay away, and each
// of the others goes to the partition where it was to go before, from the first that failed there on, so that the order in a partition holds.
package kafkasink

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
)

// Sink delivers to one topic.
type Sink struct {
	config Config
	env    sink.Env
	tls    *tls.Config // nil: plain
	client *kgo.Client
	used   sync.Pool // of *memory

	mu      sync.Mutex // guards trouble
	trouble error      // of the last attempt to connect; nil if it succeeded
}

// Open opens a sink. It does not connect.
func Open(c Config, env sink.Env) (sink.Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.setDefaults()
	s := &Sink{config: c, env: env}
	if c.TLS != nil {
		conf, err := c.TLS.Build("tls")
		if err != nil {
			return nil, err
		}
		s.tls = conf
	}
	client, err := kgo.NewClient(s.options()...)
	if err != nil {
		return nil, invalid("the client library does not take the configuration: %v", err)
	}
	s.client = client
	return s, nil
}

func (s *Sink) options() []kgo.Opt {
	c := &s.config
	patience := min(10*time.Second, time.Duration(c.TimeoutSeconds)*time.Second) // with one answer
	options := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...), kgo.ClientID("sluice"), kgo.SoftwareNameAndVersion("sluice", software(s.env.Version)), kgo.Dialer(s.dial),
		kgo.WithHooks(connected{s}), kgo.DisableClientMetrics(),
		kgo.DefaultProduceTopic(c.Topic), kgo.RecordPartitioner(newPartitioner(c.Balancer)), kgo.ProducerBatchCompression(codec(c.Compression)),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerBatchMaxBytes(int32(c.MaxMessageBytes)), kgo.ProducerLinger(5 * time.Millisecond),
		kgo.MaxBufferedRecords(200_000), kgo.ProduceRequestTimeout(patience), kgo.RequestTimeoutOverhead(patience), kgo.MetadataMinAge(time.Second),
	}
	if c.MaxMessageBytes > 100<<20-1<<16 {
		options = append(options, kgo.BrokerMaxWriteBytes(256<<20))
	}
	if c.NoIdempotence {
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	} else {
		options = append(options, kgo.AllowIdempotentProduceCancellation()) // Send ends with its context
	}
	if a := c.SASL; a != nil {
		switch strings.ToUpper(a.Mechanism) {
		case plainMechanism:
			options = append(options, kgo.SASL(plain.Auth{User: a.User, Pass: a.Password.Reveal()}.AsMechanism()))
		case scram256:
			options = append(options, kgo.SASL(scram.Auth{User: a.User, Pass: a.Password.Reveal()}.AsSha256Mechanism()))
		case scram512:
			options = append(options, kgo.SASL(scram.Auth{User: a.User, Pass: a.Password.Reveal()}.AsSha512Mechanism()))
		}
	}
	return options
}

// software is a version as the protocol allows it.
func software(version string) string {
	version = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '.' {
			return r
		}
		return '-'
	}, version)
	if version = strings.Trim(version, "-."); version == "" {
		return "0"
	}
	return version
}

func codec(c encode.Compression) kgo.CompressionCodec {
	switch c {
	case encode.Gzip:
		return kgo.GzipCompression()
	case encode.Snappy:
		return kgo.SnappyCompression()
	case encode.LZ4:
		return kgo.Lz4Compression()
	case encode.Zstd:
		return kgo.ZstdCompression()
	}
	return kgo.NoCompression()
}

// dial connects to a broker, those that the cluster names included.
func (s *Sink) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := s.env.Dial(ctx, network, address)
	if err != nil || s.tls == nil {
		return conn, err
	}
	conf := s.tls
	if conf.ServerName == "" {
		conf = conf.Clone()
		conf.ServerName, _, _ = net.SplitHostPort(address)
	}
	over := tls.Client(conn, conf)
	if err := over.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, tlsconf.Explain(err)
	}
	return over, nil
}

// Check asks the cluster about the topic: whether it exists, has leaders, and may be written to.
func (s *Sink) Check(ctx context.Context) error {
	if err := s.ask(ctx); err != nil {
		return s.explain(err)
	}
	return nil
}

// Limits are those of the configuration.
func (s *Sink) Limits() sink.Limits {
	return sink.Limits{Logs: s.config.MaxLogs, Bytes: s.config.MaxBytes, Age: time.Duration(s.config.MaxAgeSeconds) * time.Second}
}

// Close gives up the connections.
func (s *Sink) Close() error {
	s.client.Close()
	return nil
}

// Begin begins a batch.
func (s *Sink) Begin(h sink.Header) sink.Batch {
	return &batch{sink: s, header: h, row: s.config.Open(), shard: strconv.Itoa(int(h.Shard)), memory: s.borrow()}
}
