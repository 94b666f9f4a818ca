package trails

import (
	"context"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/trail"
)

// afterglow is how long behind the end of its time a trail still takes the calls that act on itself: the one that ends it is over a little later
// than it took effect.
const afterglow = time.Minute

// Active is a trail that may have something to deliver. It does not change.
type Active struct {
	*Trail
	from source
}

// NewActive makes a trail active, for those who have it from elsewhere than [Trails.Active].
func NewActive(t *Trail, from func(*trail.Event) string) *Active { return &Active{t, from} }

// Begin is since when a has something to deliver.
func (a *Active) Begin() time.Time {
	if len(a.Past) > 0 {
		return a.Past[0].From
	}
	return a.begin()
}

// Settles reports whether [Trails.Settle] has something to do when all until through is delivered.
func (a *Active) Settles(through time.Time) bool {
	if len(a.Past) == 0 {
		return !a.Logging
	}
	return a.Past[0].To.Add(afterglow).Before(through)
}

// Chooses reports whether a delivers e.
func (a *Active) Chooses(e *trail.Event) bool {
	if e.Account != a.Account {
		return false
	}
	for i := range a.Past {
		span := &a.Past[i]
		switch {
		case e.Time.Before(span.From):
			return false // before it logged
		case e.Time.Before(span.To):
			return span.Selection.chooses(a.Flavor, e, a.from) || a.own(e)
		case e.Time.Before(span.To.Add(afterglow)) && a.own(e):
			return true
		}
	}
	return a.Logging && !e.Time.Before(a.begin()) && (a.Selection.chooses(a.Flavor, e, a.from) || a.own(e))
}

// own reports whether e is a call that changed or ended this very trail. Whoever would hide something by it cannot hide that.
func (a *Active) own(e *trail.Event) bool {
	if e.ReadOnly || e.Service != trail.ServiceCloudTrail && e.Service != trail.ServiceActionTrail {
		return false
	}
	for _, r := range e.Resources {
		if r.Name == a.Name || strings.HasSuffix(r.Name, "/"+a.Name) { // or by its ARN
			return true
		}
	}
	return false
}

// Ended is when the trail logged last, and whether it is over: it does not log now.
func (a *Active) Ended() (at time.Time, over bool) {
	if a.Logging || len(a.Past) == 0 {
		return time.Time{}, !a.Logging
	}
	return a.Past[len(a.Past)-1].To, true
}

// Wants reports whether any trail delivers e: a data event that none wants is not recorded. It costs next to nothing where no trail asks for data
// events.
func (s *Trails) Wants(e *trail.Event) bool {
	if e.Category == trail.Management {
		return true
	}
	active := s.active.Load()
	if active == nil {
		return false
	}
	for _, a := range *active {
		if a.Logging && a.Chooses(e) {
			return true
		}
	}
	return false
}

// Active returns the trails that log, and those that logged and may not have delivered all of it, and a channel that is closed when these change.
func (s *Trails) Active() ([]*Active, <-chan struct{}) {
	s.mu.Lock()
	changed := s.changed
	s.mu.Unlock()
	if active := s.active.Load(); active != nil {
		return *active, changed
	}
	return nil, changed
}

// Owns reports whether a logstore is that of a trail which may still deliver to it. It costs next to nothing for logstores of other names.
func (s *Trails) Owns(ref sluice.LogstoreRef) bool {
	name, ok := strings.CutPrefix(ref.Logstore, logstorePrefix)
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logstores[sluice.LogstoreRef{Project: ref.Project, Logstore: name}]
}

// Knows reports whether there is a trail of this ID, also a deleted one that is not out.
func (s *Trails) Knows(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[id]
}

// Load reads what is active from metadata: at the start, and where accounts may have gone.
func (s *Trails) Load(ctx context.Context) error {
	s.reload.Lock() // so that the newest state is what stays
	defer s.reload.Unlock()
	accounts, err := s.o.Accounts(ctx)
	if err != nil {
		return err
	}
	var active []*Active
	known, logstores := map[string]bool{}, map[sluice.LogstoreRef]bool{}
	err = s.store.View(ctx, func(tx meta.Tx) error {
		for _, account := range accounts {
			for _, kind := range []string{kindOf(CloudTrail), kindOf(ActionTrail), kindEnding} {
				all, err := list(tx, account, kind)
				if err != nil {
					return err
				}
				for i := range all {
					if known[all[i].ID] = true; all[i].Project != "" {
						logstores[sluice.LogstoreRef{Project: all[i].Project, Logstore: all[i].Name}] = true
					}
					if all[i].Logging || len(all[i].Past) > 0 || kind == kindEnding {
						active = append(active, &Active{Trail: &all[i], from: s.o.Source})
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.active.Store(&active)
	s.mu.Lock()
	close(s.changed)
	s.changed, s.known, s.logstores = make(chan struct{}), known, logstores
	s.mu.Unlock()
	return nil
}
