// Package trails keeps what accounts want delivered of their audit events, and where to: their trails.
//
//	CloudTrail API ──┐                                    ┌── Wants: is a data event worth recording? (capture)
//	                 ├──> Trails ──> documents of accounts┤
//	ActionTrail API ─┘    names, limits, selectors        └── Active: trails with their selectors compiled (courier)
//
// Trails of both APIs are one model. Those of CloudTrail deliver to a bucket of S3, those of ActionTrail to a bucket of OSS, to a
// logstore, or to both. Each API sees its own trails alone; names are unique in an account and an API.
//
// Invariants:
//   - An event is chosen by the selectors that were in force when its call was over, however late it is delivered: what a change replaces stays
//     as a [Span] until everything from its time is delivered.
//   - The calls that stop, change or delete a trail are among what it delivers.
//   - A trail that is deleted is gone for its API at once, and stays for its deliveries until its last events are out.
//   - Nobody names a bucket that the operator did not let his account name, and no trail is made for one that refuses writes.
package trails

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/trail"
)

// MaxTrails is how many trails an account has of each API.
const MaxTrails = 5

// Destinations is where trails deliver to.
type Destinations interface {
	// Prove returns nil if t can deliver now: its account may name the bucket, and the bucket takes a write; the project is the account's. Errors for
	// the client: Unauthorized "bucket", NotFound "bucket", Invalid "bucket", NotFound "project", Unsupported "bucket", Unavailable "bucket".
	Prove(ctx context.Context, t *Trail) error
}

// Options of the trails. The zero value of a field means the default in brackets.
type Options struct {
	Region       string                                  // ["local"] of the server: the home of all its trails
	Aliases      Aliases                                 // the twelve digits of accounts
	Destinations Destinations                            // [takes everything]
	Source       func(*trail.Event) string               // [Event.Service] what selectors know as eventSource
	Accounts     func(context.Context) ([]string, error) // numbers of all accounts
	Now          func() time.Time                        // [time.Now]
}

// Trails are the trails of a server. It is safe for concurrent use.
type Trails struct {
	store meta.Store
	o     Options

	reload  sync.Mutex // held while active is made anew
	active  atomic.Pointer[[]*Active]
	mu      sync.Mutex      // guards all below
	changed chan struct{}   // closed at the next change
	known   map[string]bool // IDs of all trails
	// logstores are those of trails, by the names of these
	logstores map[sluice.LogstoreRef]bool
}

// New returns the trails in metadata. Nothing is active before [Trails.Load].
func New(store meta.Store, o Options) *Trails {
	o.Region = cmp.Or(o.Region, "local")
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Source == nil {
		o.Source = func(e *trail.Event) string { return e.Service }
	}
	return &Trails{store: store, o: o, changed: make(chan struct{})}
}

// Region is the home region of all trails.
func (s *Trails) Region() string { return s.o.Region }

// Create makes a trail, which does not log yet. Errors: Invalid "trailname", "bucket", "prefix", "combination", "eventselectors", "tags";
// AlreadyExists "trail"; Throttled "trail" for one too many; those of [Destinations].
func (s *Trails) Create(ctx context.Context, t Trail) (Trail, error) {
	t.ID, t.Region, t.Created = newID(), s.o.Region, s.now()
	t.Modified, t.Logging, t.Since, t.Until, t.Past = t.Created, false, time.Time{}, time.Time{}, nil
	if err := t.validate(); err != nil {
		return Trail{}, err
	}
	if err := s.store.View(ctx, func(tx meta.Tx) error { return s.room(tx, t.Key) }); err != nil { // before the bucket is touched
		return Trail{}, err
	}
	if err := s.prove(ctx, &t); err != nil {
		return Trail{}, err
	}
	err := s.change(ctx, func(tx meta.Tx) error {
		if err := s.room(tx, t.Key); err != nil {
			return err
		}
		return create(tx, &t)
	})
	return t, err
}

// room returns an error if k cannot be made: it is there, or the account has enough.
func (s *Trails) room(tx meta.Tx, k Key) error {
	switch _, err := read(tx, k); sluice.KindOf(err) {
	case sluice.NotFound:
	default:
		if err != nil {
			return err
		}
		return sluice.Errorf(sluice.AlreadyExists, "trail", "trail %s already exists", k.Name)
	}
	n, err := tx.CountDocuments(k.scope(), k.kind())
	if err == nil && n >= MaxTrails {
		err = sluice.Errorf(sluice.Throttled, "trail", "the account has %d trails already, which is the most: delete one first", n)
	}
	return err
}

func (s *Trails) prove(ctx context.Context, t *Trail) error {
	if s.o.Destinations == nil {
		return nil
	}
	return s.o.Destinations.Prove(ctx, t)
}

// Update changes a trail by fn, which leaves alone what names it and whether it logs. A trail whose destination changes is proven as a new one.
// Errors: NotFound "trail", those of fn, and those of Create; Conflict "trail" while too many changes wait to be delivered.
func (s *Trails) Update(ctx context.Context, k Key, fn func(*Trail) error) (t Trail, err error) {
	before, err := s.Get(ctx, k)
	if err != nil {
		return t, err
	}
	after := before.clone()
	if err := apply(&after, fn); err != nil {
		return t, err
	}
	if after.Target != before.Target { // a bucket is asked outside of the transaction
		if err := s.prove(ctx, &after); err != nil {
			return t, err
		}
	}
	err = s.change(ctx, func(tx meta.Tx) error {
		stored, err := read(tx, k)
		if err != nil {
			return err
		}
		t = stored.clone()
		if err := apply(&t, fn); err != nil {
			return err
		}
		if t.Target != after.Target || t.ID != after.ID {
			return sluice.Errorf(sluice.Conflict, "trail", "trail %s was changed by somebody else at the same time: try again", k.Name)
		}
		if err := s.turn(tx, &stored, &t); err != nil {
			return err
		}
		t.Modified = s.now()
		return update(tx, &t)
	})
	return t, err
}

func apply(t *Trail, fn func(*Trail) error) error {
	if err := fn(t); err != nil {
		return err
	}
	return t.validate()
}

// Start makes a trail log. One that does already stays as it is. Errors: NotFound "trail"; Conflict "trail".
func (s *Trails) Start(ctx context.Context, k Key) (Trail, error) {
	return s.edit(ctx, k, func(tx meta.Tx, t *Trail) error {
		if !t.Logging {
			t.Logging, t.Since, t.Until = true, s.now(), time.Time{}
		}
		return nil
	})
}

// Stop ends the logging of a trail: what happened until now is still delivered. Errors: NotFound "trail"; Conflict "trail".
func (s *Trails) Stop(ctx context.Context, k Key) (Trail, error) {
	return s.edit(ctx, k, s.stop)
}

func (s *Trails) stop(tx meta.Tx, t *Trail) error {
	if !t.Logging {
		return nil
	}
	if err := s.retire(tx, t, s.now()); err != nil {
		return err
	}
	t.Logging, t.Until = false, s.now()
	return nil
}

// edit changes a trail inside its transaction.
func (s *Trails) edit(ctx context.Context, k Key, fn func(meta.Tx, *Trail) error) (t Trail, err error) {
	err = s.change(ctx, func(tx meta.Tx) error {
		if t, err = read(tx, k); err != nil {
			return err
		}
		if err := fn(tx, &t); err != nil {
			return err
		}
		return update(tx, &t)
	})
	return t, err
}

// Delete ends a trail: it is gone, and what happened until now is still delivered. Errors: NotFound "trail"; Conflict "trail".
func (s *Trails) Delete(ctx context.Context, k Key) (t Trail, err error) {
	err = s.change(ctx, func(tx meta.Tx) error {
		if t, err = read(tx, k); err != nil {
			return err
		}
		if err := tx.DeleteDocument(k.scope(), k.kind(), k.Name); err != nil {
			return err
		}
		if err := s.stop(tx, &t); err != nil {
			return err
		}
		t.Deleted = s.now()
		return createEnding(tx, &t)
	})
	return t, err
}

// Forget removes what is left of a deleted trail whose last events cannot be delivered.
func (s *Trails) Forget(ctx context.Context, a *Active) error {
	return s.change(ctx, func(tx meta.Tx) error {
		err := tx.DeleteDocument(a.scope(), kindEnding, a.ID)
		if sluice.KindOf(err) == sluice.NotFound { // the account is gone
			err = nil
		}
		return err
	})
}

// Get returns a trail. Errors: NotFound "trail".
func (s *Trails) Get(ctx context.Context, k Key) (t Trail, err error) {
	err = s.store.View(ctx, func(tx meta.Tx) (err error) {
		t, err = read(tx, k)
		return err
	})
	return t, err
}

// List returns the trails of an account that were made by one API, by name.
func (s *Trails) List(ctx context.Context, account string, f Flavor) (all []Trail, err error) {
	err = s.store.View(ctx, func(tx meta.Tx) (err error) {
		all, err = list(tx, account, kindOf(f))
		return err
	})
	return all, err
}

// change updates metadata, and what is active by it.
func (s *Trails) change(ctx context.Context, fn func(meta.Tx) error) error {
	if err := s.store.Update(ctx, fn); err != nil {
		return err
	}
	return s.Load(context.WithoutCancel(ctx)) // what was changed is in force when the caller hears of it
}

// now is the time in milliseconds, as events have it.
func (s *Trails) now() time.Time { return s.o.Now().UTC().Truncate(time.Millisecond) }
