// Package slssink delivers logs to logstores: of this server, of another one, or of the service we follow.
//
//	entries ──by logstore, topic, source, tags──> log groups ──PutLogs, one after the other──> logstores
//	                                                  └── the batch's id in a tag
//
// The fields that a task chose are the contents of the logs; topic, source and tags are kept unless the configuration says otherwise.
// A batch is delivered when each of its groups is. When Send is called again after an error, groups that were written stay away; a
// group of which that is not known can be there twice, with the same id in its tag.
package slssink

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/logpb"
)

// Sink delivers to the logstores of one project.
type Sink struct {
	config    Config
	env       sink.Env
	remote    *client.Client // nil: this server
	transport *http.Transport
}

// Open opens a sink. It does not connect.
func Open(c Config, env sink.Env) (sink.Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.setDefaults()
	s := &Sink{config: c, env: env}
	if c.Endpoint == "" {
		if env.Local == nil {
			return nil, invalid("endpoint is empty, and there are no logstores here")
		}
		return s, nil
	}
	conf, err := c.TLS.Build("tls")
	if err != nil {
		return nil, err
	}
	s.transport = &http.Transport{
		DialContext: env.Dial, TLSClientConfig: conf, ForceAttemptHTTP2: true, DisableCompression: true, MaxIdleConnsPerHost: 64,
		IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.remote, err = client.New(client.Options{
		Endpoint: c.Endpoint, AccessKeyID: c.AccessKeyID, Secret: c.AccessKeySecret.Reveal(), SecurityToken: c.SecurityToken.Reveal(),
		SignV4: c.SignV4, Region: c.Region, Attempts: 1, UserAgent: "sluice/" + env.Version,
		HTTPClient: &http.Client{Transport: s.transport, CheckRedirect: stay},
	})
	if err != nil {
		return nil, invalid("endpoint: %v", err)
	}
	return s, nil
}

// Check writes a log group without logs to each logstore, which leaves nothing there.
func (s *Sink) Check(ctx context.Context) error {
	logstores := map[string]bool{s.config.Logstore: true}
	for _, logstore := range s.config.LogstoreByTopic {
		logstores[logstore] = logstore != ""
	}
	for logstore, wanted := range logstores {
		if !wanted {
			continue
		}
		if err := s.put(ctx, logstore, nil, 0); err != nil && !isInvalid(err) {
			return s.explain(logstore, err)
		}
	}
	return nil
}

// Limits suit what the service we follow takes at once: 10 MB and some thousand logs.
func (s *Sink) Limits() sink.Limits {
	return sink.Limits{Logs: 4096, Bytes: 2 << 20, Age: time.Second}
}

// Close gives up the connections.
func (s *Sink) Close() error {
	if s.transport != nil {
		s.transport.CloseIdleConnections()
	}
	return nil
}

// Begin begins a batch.
func (s *Sink) Begin(h sink.Header) sink.Batch {
	return &batch{sink: s, header: h, byName: map[string]*group{}}
}

// put writes an encoded group.
func (s *Sink) put(ctx context.Context, logstore string, encoded []byte, shard sluice.ShardID) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.config.TimeoutSeconds)*time.Second)
	defer cancel()
	ref := sluice.LogstoreRef{Project: s.config.Project, Logstore: logstore}
	if s.remote == nil {
		decoded, err := logpb.Decode(encoded)
		if err != nil {
			return err
		}
		_, _, err = s.env.Local.Append(ctx, ref, decoded)
		return err
	}
	var o client.PutOptions
	if s.config.KeepOrder && encoded != nil {
		o.HashKey = encodedKey(s.config.Project, logstore, shard)
	}
	return s.remote.PutRaw(ctx, ref, encoded, o)
}

// encodedKey is the point of the destination's shards where those of a shard go.
func encodedKey(project, logstore string, shard sluice.ShardID) string {
	sum := md5.Sum(fmt.Appendf(nil, "%s/%s/%d", project, logstore, shard))
	return hex.EncodeToString(sum[:])
}
