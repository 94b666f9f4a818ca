// Package courier takes audit events to where trails want them: to buckets, in files with digests over them, and to logstores.
//
//	trail.Log ──by Seq──> route of a trail ──chosen──> file ──> 1. intent: its key and last event, in metadata
//	                         │                                  2. put
//	                         │                                  3. done: point and list of files, in metadata
//	                         ├── each hour, and at the end: digest over the files since the last one, signed, in the same three steps
//	                         └── or: log groups of a logstore
//
// Invariants:
//   - What is put has been decided before, durably: after a crash at any step the same object is put again with the same content. So no event is
//     missing in the files of a bucket, and none is twice in them; a logstore can get those of one group twice.
//   - The point of a route moves only when the destination said yes.
//   - A digest lists each file that was delivered while validation is on, once, and names the digest before it with its signature.
//   - The signature of the newest digest is in metadata and in an audit event before the next one is begun: whoever removes the newest
//     objects of a bucket, which its own chain cannot show, is found out by these.
//   - A destination that refuses holds up its own route alone, which tries again until it does not.
package courier

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/bucket"
	"github.com/sluicelog/sluice/internal/trail/shape"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// Log is where events are read from, in their order: see [trail.Log].
type Log interface {
	Bounds() (begin, end sluice.Position)
	Seek(t time.Time) (sluice.Position, error)
	Read(ctx context.Context, from sluice.Position, limit int) (events []trail.Event, next sluice.Position, err error)
}

// Options of a courier. The zero value of a field means the default in brackets.
type Options struct {
	Log    Log
	S3     bucket.Bucket // [refuses] of trails of CloudTrail
	OSS    bucket.Bucket // [refuses] of those of ActionTrail
	Houses Houses        // of projects
	Keys   *Keys
	Tell   func(account, name string, details map[string]any) // [nobody] of what an account should know of its deliveries, as an audit event
	Shape  shape.Options

	Cadence       time.Duration // [25 s] between the files of a trail
	FileBytes     int64         // [40 MB] of events in a file, before compression
	DigestEvery   time.Duration // [1 h]
	Settle        time.Duration // [30 s] after which no event of a time comes into the log any more
	LogstoreEvery time.Duration // [2 s] between log groups
	GiveUp        time.Duration // [24 h] after which a deleted trail is forgotten though its destination refuses its last events

	Now    func() time.Time // [time.Now]
	Logger *slog.Logger     // [discard]
}

func (o *Options) fill() {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&o.Cadence, 25 * time.Second},
		{&o.DigestEvery, time.Hour},
		{&o.Settle, 30 * time.Second},
		{&o.LogstoreEvery, 2 * time.Second},
		{&o.GiveUp, 24 * time.Hour},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if o.FileBytes == 0 {
		o.FileBytes = 40 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Tell == nil {
		o.Tell = func(string, string, map[string]any) {}
	}
}

// Courier delivers for all trails. Run is called once.
type Courier struct {
	trails  *trails.Trails
	shelf   shelf
	o       Options
	metrics *metrics
}

// New makes a courier of trails, over the metadata in which they are.
func New(t *trails.Trails, store meta.Store, o Options) *Courier {
	return newCourier(t, metaShelf{store}, o)
}

func newCourier(t *trails.Trails, shelf shelf, o Options) *Courier {
	o.fill()
	if o.S3 == nil {
		o.S3 = noBucket{}
	}
	if o.OSS == nil {
		o.OSS = noBucket{}
	}
	return &Courier{trails: t, shelf: shelf, o: o, metrics: newMetrics()}
}

// NewKeys makes the keys of digests, kept in metadata and sealed there.
func NewKeys(store meta.Store, sealer Sealer, now func() time.Time) *Keys {
	return &Keys{shelf: metaShelf{store}, sealer: sealer, now: now, make: makeRSA}
}

func (c *Courier) tell(a *trails.Active, name string, details map[string]any) {
	c.o.Tell(a.Account, name, details)
}

// noBucket is where the operator gives no credentials, or no longer.
type noBucket struct{}

func (noBucket) Put(context.Context, string, bucket.Object) error {
	return &bucket.Refusal{Code: "InvalidAccessKeyId", Detail: "this server has no credentials for buckets of such trails"}
}

// bucketOf is where the buckets of a flavor are.
func (c *Courier) bucketOf(f trails.Flavor) bucket.Bucket {
	if f == trails.ActionTrail {
		return c.o.OSS
	}
	return c.o.S3
}

// way names a route: of one trail, and its later namesakes have others.
type way struct {
	id    string
	route trails.Route
}

// Run delivers until ctx ends: for each trail that has something to deliver, and each of its destinations, by itself.
func (c *Courier) Run(ctx context.Context) error {
	if err := c.trails.Load(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	running := map[way]*runner{}
	var all sync.WaitGroup
	defer all.Wait()
	for {
		active, changed := c.trails.Active()
		wanted := map[way]*trails.Active{}
		for _, a := range active {
			for _, r := range a.Routes() {
				wanted[way{a.ID, r}] = a
			}
		}
		for w, r := range running {
			if wanted[w] == nil {
				r.stop()
				<-r.done // or the next of the same trail would work beside it
				delete(running, w)
			}
		}
		for w, a := range wanted {
			if r := running[w]; r != nil {
				r.active.Store(a)
				continue
			}
			r := newRunner(ctx, c.route(w), a)
			running[w] = r
			all.Go(r.run)
		}
		c.metrics.routes.Set(float64(len(running)))
		if err := c.sweep(ctx, wanted); err != nil && ctx.Err() == nil {
			c.o.Logger.Warn("what is left of trails that are gone stays", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}
