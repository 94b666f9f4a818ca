package kafkasink_test

import (
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/kafkasink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
)

// BenchmarkSink sends to a broker in the same process that says yes to what it is sent, and forgets it.
func BenchmarkSink(b *testing.B) {
	for _, compression := range []encode.Compression{encode.None, encode.LZ4, encode.Zstd} {
		b.Run("json "+string(compression), func(b *testing.B) {
			fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, topic))
			if err != nil {
				b.Fatal(err)
			}
			defer fake.Close()
			fake.Control(func(request kmsg.Request) (kmsg.Response, error, bool) {
				fake.KeepControl()
				produce, ok := request.(*kmsg.ProduceRequest)
				if !ok {
					return nil, nil, false
				}
				return answerProduce(produce, 0), nil, true
			})
			s, err := kafkasink.Open(kafkasink.Config{Brokers: fake.ListenAddrs(), Topic: topic, Compression: compression},
				sink.Env{Dial: new(net.Dialer).DialContext, Now: time.Now})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			b.ReportAllocs()
			sinktest.Bench(b, s)
		})
	}
}
