// Package history looks audit events up: the history that every account has, without any trail.
//
//	LookupEvents of both services ──> Query ──search by the token index of the log of events──> Page ──token──> the next
//
//	              end                                                       start
//	newest first   │ 1 h │    4 h    │          16 h          │    ...      │       slices are asked until there are enough,
//	oldest first  start                                                    end      so that what is common costs one short one
//
// Invariants:
//   - An account finds its own events, whatever is asked for and whatever token is sent.
//   - Order is total: time, then place in the chain. Pages of one walk fit together: their window is fixed by the first, and a token goes on
//     behind an event and not after a number of them.
//   - What cannot be read is not passed over silently: such a page is Incomplete.
//   - No event is read that the page does not need; how many events there are decides only how many token indexes are asked.
package history

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/quota"
	"github.com/sluicelog/sluice/internal/trail"
)

// Limits of lookups.
const (
	Days    = 90 // how far back they reach
	MaxPage = 50 // events of a page
	MaxRead = 1000

	span = Days * 24 * time.Hour
)

// Engine is what events are searched with; [query.Engine] is one.
type Engine interface {
	Logs(ctx context.Context, p query.Page) (*query.Found, error)
	SQL(ctx context.Context, f query.Filter, text string) (*query.Result, error)
}

// Options of a history. The zero value of a field means the default in brackets.
type Options struct {
	PerSecond int              // lookups of an account; 0: no limit
	Now       func() time.Time // [time.Now]
	Logger    *slog.Logger     // [discard]
}

// History is the history of all accounts. It is safe for concurrent use.
type History struct {
	engine Engine
	ref    sluice.LogstoreRef // of one shard, whose order is the chain's; events have times of whole milliseconds
	limit  *quota.Limiter[string]
	o      Options
}

// New makes a history of the events in a logstore.
func New(engine Engine, ref sluice.LogstoreRef, o Options) *History {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &History{engine: engine, ref: ref, limit: quota.New[string](quota.Rate{RequestsPerSecond: int64(o.PerSecond)}, o.Now), o: o}
}

// Page is a page of events.
type Page struct {
	Events     []*trail.Event
	Token      string    // for the next; "" at the end
	Start, End time.Time // whole seconds, both inclusive: what was looked at in fact, the same on all pages of a walk
	Incomplete bool      // there may be more: time ran out, or something on disk cannot be read
}

// Lookup returns a page of the events of an account. Errors: Invalid "lookupattribute", "lookuprange", "lookupmax", "lookuptoken"; Throttled
// "lookup"; those of the search.
func (h *History) Lookup(ctx context.Context, account string, q Query) (Page, error) {
	if h.limit.Check(account) != quota.Within {
		return Page{}, sluice.Errorf(sluice.Throttled, "lookup", "the account has looked events up more than %d times in this second: try again in the next", h.o.PerSecond)
	}
	h.limit.Charge(account, 1, 0)
	return h.page(ctx, account, q, MaxPage)
}

// Read is Lookup for parts of the server: it may be called as often as they like, and pages have up to MaxRead events.
func (h *History) Read(ctx context.Context, account string, q Query) (Page, error) {
	return h.page(ctx, account, q, MaxRead)
}

func (h *History) page(ctx context.Context, account string, q Query, most int) (Page, error) {
	if err := q.check(most); err != nil {
		return Page{}, err
	}
	p, err := h.begin(account, &q)
	if err != nil {
		return Page{}, err
	}
	w := &walk{History: h, account: account, query: &q, search: q.search(account), need: q.Max + 1, last: p}
	page := Page{Start: p.start, End: p.end}
	if err := w.run(ctx); err != nil {
		return Page{}, err
	}
	page.Incomplete = w.incomplete
	if page.Events = w.events; len(w.events) > q.Max {
		page.Events = w.events[:q.Max]
		page.Token = p.behind(page.Events[q.Max-1]).encode(account, &q)
	}
	return page, nil
}

// begin is where a walk begins or goes on.
func (h *History) begin(account string, q *Query) (place, error) {
	if q.Token != "" {
		return decode(q.Token, account, q)
	}
	now := h.o.Now().UTC().Truncate(time.Second)
	p := place{start: q.Start.UTC().Truncate(time.Second), end: q.End.UTC().Truncate(time.Second)}
	if q.End.IsZero() || p.end.After(now) {
		p.end = now
	}
	oldest := now.Add(-span)
	if q.Start.IsZero() {
		p.start = p.end.Add(-q.span())
	}
	if p.start.Before(oldest) {
		p.start = oldest
	}
	return p, nil
}

// walk gathers the events of one page.
type walk struct {
	*History
	account string
	query   *Query
	search  string
	need    int
	last    place // behind which the next event is

	events     []*trail.Event
	incomplete bool
}

// Slices of the window: the first, and how much longer each next one is.
const (
	firstSlice = int64(time.Hour)
	widening   = 4
)

// run gathers what is needed: what the last page left of the moment of its last event, and then slice by slice.
func (w *walk) run(ctx context.Context) error {
	rest := w.last.window()
	if w.last.seq > 0 {
		moment := w.last.moment()
		if w.query.OldestFirst {
			rest.From = moment.To
		} else {
			rest.To = moment.From
		}
		if err := w.gather(ctx, moment, w.search+" and "+w.last.beyond(w.query.OldestFirst)); err != nil {
			return err
		}
	}
	for width := firstSlice; rest.From < rest.To && len(w.events) < w.need; width *= widening {
		slice := rest
		if w.query.OldestFirst {
			slice.To = min(rest.To, rest.From+width)
			rest.From = slice.To
		} else {
			slice.From = max(rest.From, rest.To-width)
			rest.To = slice.From
		}
		if err := w.gather(ctx, slice, w.search); err != nil {
			return err
		}
	}
	return nil
}

// gather takes what a search finds in a range, in order, until there is enough. The search finds what is asked for and, where values have more tokens
// than one, a little more: then it is asked again behind that.
func (w *walk) gather(ctx context.Context, r query.Range, search string) error {
	for offset := 0; len(w.events) < w.need; {
		line := w.need - len(w.events)
		found, err := w.engine.Logs(ctx, query.Page{
			Filter: query.Filter{Ref: w.ref, Range: r, Search: search}, Offset: offset, Line: line, Reverse: !w.query.OldestFirst,
		})
		if err != nil {
			return err
		}
		w.incomplete = w.incomplete || !found.Complete
		for i := range found.Logs {
			w.take(&found.Logs[i])
		}
		if len(found.Logs) < line {
			return nil
		}
		offset += line
	}
	return nil
}

// take adds the event of a log if it is one that was asked for and comes next.
func (w *walk) take(l *query.Log) {
	e, err := event(l)
	if err != nil {
		w.incomplete = true
		w.o.Logger.Error("an audit event cannot be read", "project", w.ref.Project, "logstore", w.ref.Logstore, "shard", l.Shard, "position", l.Cursor, "error", err)
		return
	}
	next := w.last.behind(e)
	if w.query.matches(w.account, e) && (w.last.seq == 0 || w.last.before(next, w.query.OldestFirst)) {
		w.events, w.last = append(w.events, e), next
	}
}

// event reads the event of a log.
func event(l *query.Log) (*trail.Event, error) {
	e := &trail.Event{}
	for _, f := range l.Fields {
		if f.Key == trail.FieldEvent {
			return e, json.Unmarshal([]byte(f.Value), e)
		}
	}
	return nil, sluice.Errorf(sluice.Internal, "event", "the log has no field %s", trail.FieldEvent)
}
