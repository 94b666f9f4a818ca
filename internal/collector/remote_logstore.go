package collector

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/logpb"
)

// LogstoreKind makes outputs to logstores: of other servers, or with local, which may be nil, of this one where there is no endpoint.
func LogstoreKind(local func(sluice.LogstoreRef) Logstore, now func() time.Time) OutputKind {
	return func(_ string, raw json.RawMessage) (Destination, error) {
		var c LogstoreConfig
		if err := Strictly(raw, &c); err != nil {
			return nil, err
		}
		if c.Project == "" || c.Logstore == "" {
			return nil, errors.New("project and logstore are both needed")
		}
		ref := sluice.LogstoreRef{Project: c.Project, Logstore: c.Logstore}
		if c.Endpoint == "" {
			if local == nil {
				return nil, errors.New("endpoint is empty, and there are no logstores here")
			}
			return NewLogstoreDestination(local(ref), c)
		}
		cl, stop, err := NewClient(client.Options{
			Endpoint: c.Endpoint, AccessKeyID: c.AccessKeyID, Secret: c.AccessKeySecret.Reveal(), SecurityToken: c.SecurityToken.Reveal(),
			SignV4: c.SignV4, Region: c.Region,
		}, NewClock(now), nil)
		if err != nil {
			return nil, err
		}
		return NewLogstoreDestination(&remoteLogstore{client: cl, ref: ref, stop: stop}, c)
	}
}

// Bounds of what one request to a log service may take.
const (
	answerWithin = time.Minute
	attempts     = 4 // at most, before the cycle is given up
)

// NewClient makes a client of a log service whose requests end, with a clock that follows the service's. They go through a transport, or if it is nil
// through one of their own. stop gives its connections up.
func NewClient(o client.Options, clock *Clock, transport http.RoundTripper) (c *client.Client, stop func(), err error) {
	stop = func() {}
	if transport == nil {
		own := ownTransport()
		transport, stop = own, own.CloseIdleConnections
	}
	o.HTTPClient = &http.Client{Transport: clock.Transport(transport), Timeout: 2 * answerWithin}
	o.Attempts, o.Now, o.UserAgent = attempts, clock.Now, "sluice-collector"
	c, err = client.New(o)
	return c, stop, err
}

func ownTransport() *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: answerWithin, IdleConnTimeout: 90 * time.Second,
		MaxIdleConnsPerHost: 2 * partsAtOnce, DisableCompression: true, ForceAttemptHTTP2: true,
	}
}

// remoteLogstore is a [Logstore] behind the API of log services.
type remoteLogstore struct {
	client *client.Client
	ref    sluice.LogstoreRef
	stop   func()
}

func (l *remoteLogstore) Close() error {
	l.stop()
	return nil
}

func (l *remoteLogstore) Put(ctx context.Context, key string, group []byte) error {
	return ExplainLogService(l.client.PutRaw(ctx, l.ref, group, client.PutOptions{HashKey: key}))
}

// Invalid implements [Logstore].
func (l *remoteLogstore) Invalid(err error) bool {
	return client.Code(err) == "PostBodyInvalid" || client.Code(err) == "PostBodyTooLarge"
}

func (l *remoteLogstore) End(ctx context.Context, key string) (map[string]string, error) {
	shards, err := l.client.Shards(ctx, l.ref)
	if err != nil {
		return nil, ExplainLogService(err)
	}
	for _, s := range shards {
		if s.ReadOnly || !owns(s, key) {
			continue
		}
		cursor, err := l.client.EndCursor(ctx, l.ref, s.ID)
		return map[string]string{s.ID.String(): cursor}, ExplainLogService(err)
	}
	return nil, errors.New("the logstore has no shard that takes logs")
}

func owns(s client.Shard, key string) bool {
	return s.Begin.String() <= key && (key < s.End.String() || s.End == sluice.MaxHashKey)
}

// Scan implements [Logstore]. The logs may be in the shards of the places, and in those that were made of them since, which have higher numbers.
func (l *remoteLogstore) Scan(ctx context.Context, key string, from map[string]string, yield func([]byte) error) error {
	shards, err := l.client.Shards(ctx, l.ref)
	if err != nil {
		return ExplainLogService(err)
	}
	known := false
	for _, s := range shards {
		name := s.ID.String()
		if known = known || from[name] != ""; !known || from[name] == "" && !owns(s, key) {
			continue
		}
		if from[name] == "" {
			if from[name], err = l.client.BeginCursor(ctx, l.ref, s.ID); err != nil {
				return ExplainLogService(err)
			}
		}
		if err := l.scan(ctx, s.ID, from, yield); err != nil {
			return err
		}
	}
	if !known {
		return errors.New("the shard where the logs would be is gone")
	}
	return nil
}

func (l *remoteLogstore) scan(ctx context.Context, id sluice.ShardID, from map[string]string, yield func([]byte) error) error {
	for {
		p, err := l.client.PullRaw(ctx, l.ref, id, client.PullOptions{Cursor: from[id.String()]})
		if err != nil {
			return ExplainLogService(err)
		}
		if err := logpb.Groups(p.Groups, yield); err != nil {
			return err
		}
		from[id.String()] = p.Next
		if p.AtEnd || p.Next == p.Asked {
			return nil
		}
	}
}

// ExplainLogService says what an error of a log service means to a collector.
func ExplainLogService(err error) error {
	var e *client.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case strings.HasSuffix(e.Code, "QuotaExceed") || e.Status == http.StatusTooManyRequests:
		return &Throttled{After: 2 * time.Second, Err: err}
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden, e.Status == http.StatusNotFound:
		return &Denied{Err: err}
	}
	return err
}
