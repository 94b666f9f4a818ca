package sdk

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	"github.com/aliyun/aliyun-log-go-sdk/producer"
	"github.com/go-kit/kit/log"

	"github.com/sluicelog/sluice/internal/testenv"
)

func producerConfig(w way) *producer.ProducerConfig {
	c := producer.GetDefaultProducerConfig()
	c.Endpoint = "http://" + testenv.Domain
	if !w.proxied {
		c.Endpoint, c.HTTPClient = env.Endpoint(), env.Client()
	}
	c.CredentialsProvider = sls.NewStaticCredentialsProvider(testenv.RootID, testenv.RootSecret, "")
	c.AuthVersion, c.Region = w.version, "local"
	c.LingerMs = 100
	c.BaseRetryBackoffMs = 50
	c.Logger = log.NewNopLogger()
	c.DisableRuntimeMetrics = true
	return c
}

// outcome collects what a producer reports.
type outcome struct {
	mu        sync.Mutex
	succeeded int
	failed    []string      // codes
	attempts  int           // most for one batch
	done      chan struct{} // closed at the first outcome, if there
}

func (o *outcome) Success(r *producer.Result) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.succeeded++
	o.attempts = max(o.attempts, len(r.GetReservedAttempts()))
	if o.done != nil {
		close(o.done)
	}
}

func (o *outcome) Fail(r *producer.Result) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed = append(o.failed, r.GetErrorCode())
}

func newProducer(t *testing.T, config *producer.ProducerConfig) *producer.Producer {
	t.Helper()
	p, err := producer.NewProducer(config)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Every log that a producer was given is stored once, and every callback says so.
func TestProducer(t *testing.T) {
	skipUnderRaceDetector(t)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			c := root()
			project, logstore := newLogstore(t, c, 4)
			p := newProducer(t, producerConfig(w))
			p.Start()
			var seen outcome
			const logs, senders = 500, 4
			var sending sync.WaitGroup
			for sender := range senders {
				sending.Go(func() {
					for i := range logs {
						text := fmt.Sprint(sender, "-", i)
						log := producer.GenerateLog(uint32(time.Now().Unix()), map[string]string{"text": text})
						var err error
						if i%2 == 0 {
							err = p.SendLogWithCallBack(project, logstore, "topic", "source", log, &seen)
						} else {
							err = p.HashSendLogWithCallBack(project, logstore, fmt.Sprintf("%x", i), "topic", "source", log, &seen)
						}
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			sending.Wait()
			p.SafeClose()
			if seen.succeeded != logs*senders || len(seen.failed) > 0 {
				t.Errorf("callbacks: %d successes, failures %q, want %d successes", seen.succeeded, seen.failed, logs*senders)
			}
			got := map[string]int{}
			for shard := range 4 {
				for _, text := range allLogs(t, c, project, logstore, shard) {
					got[text]++
				}
			}
			for text, n := range got {
				if n != 1 {
					t.Errorf("log %s is stored %d times", text, n)
				}
			}
			if len(got) != logs*senders {
				t.Errorf("%d logs are stored, want %d", len(got), logs*senders)
			}
		})
	}
}

// allLogs returns the texts of all logs of a shard, not of the first of each group alone.
func allLogs(t *testing.T, c sls.ClientInterface, project, logstore string, shard int) []string {
	t.Helper()
	cursor, err := c.GetCursor(project, logstore, shard, "begin")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for {
		groups, next, err := c.PullLogs(project, logstore, shard, cursor, "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range groups.LogGroups {
			for _, l := range g.Logs {
				texts = append(texts, l.Contents[0].GetValue())
			}
		}
		if next == cursor {
			return texts
		}
		cursor = next
	}
}

// What cannot succeed fails at once, with the code of the server.
func TestProducerFailures(t *testing.T) {
	c := root()
	project, _ := newLogstore(t, c, 1)
	p := newProducer(t, producerConfig(ways[0]))
	p.Start()
	var seen outcome
	log := producer.GenerateLog(uint32(time.Now().Unix()), map[string]string{"text": "x"})
	if err := p.SendLogWithCallBack(project, "none", "", "", log, &seen); err != nil {
		t.Fatal(err)
	}
	p.SafeClose()
	if !slices.Equal(seen.failed, []string{"LogStoreNotExist"}) || seen.succeeded > 0 {
		t.Errorf("callbacks: got %d successes, failures %q, want LogStoreNotExist", seen.succeeded, seen.failed)
	}
}

// A producer gets over connections that break without losing a log.
func TestProducerRetries(t *testing.T) {
	c := root()
	project, logstore := newLogstore(t, c, 1)
	flaky := &flakyTransport{next: env.Client().Transport, fail: 3}
	config := producerConfig(way{version: sls.AuthV1})
	config.HTTPClient = &http.Client{Transport: flaky}
	p := newProducer(t, config)
	p.Start()
	seen := outcome{done: make(chan struct{})}
	log := producer.GenerateLog(uint32(time.Now().Unix()), map[string]string{"text": "x"})
	if err := p.SendLogWithCallBack(project, logstore, "", "", log, &seen); err != nil {
		t.Fatal(err)
	}
	<-seen.done // a producer that closes gives up its retries
	p.SafeClose()
	if seen.succeeded != 1 || seen.attempts < 2 {
		t.Errorf("got %d successes after %d attempts, failures %q; want a success after some", seen.succeeded, seen.attempts, seen.failed)
	}
	if got := allLogs(t, c, project, logstore, 0); !slices.Equal(got, []string{"x"}) {
		t.Errorf("stored: %q", got)
	}
}

// flakyTransport lets nothing through at first.
type flakyTransport struct {
	next http.RoundTripper
	mu   sync.Mutex
	fail int
}

func (f *flakyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	broken := f.fail > 0
	f.fail--
	f.mu.Unlock()
	if broken {
		return nil, fmt.Errorf("the connection broke")
	}
	return f.next.RoundTrip(r)
}
