package collector

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Source is where the events of one service come from. Its methods may be called from several goroutines, those about one part
// from one at a time.
type Source interface {
	// Check finds out whether events could be pulled now. It takes none away.
	Check(ctx context.Context) error
	// Parts lists the parts that there are now.
	Parts(ctx context.Context) ([]Part, error)
	// Read reads the next batch of a part, from a place that an earlier batch of it ended at; null begins at p.Start. It waits for the pace of
	// the service, and for new events only where that is how the service is asked (queues).
	Read(ctx context.Context, part Part, place json.RawMessage, p Cycle) (*Batch, error)
	// Again reads the events between two places again, for sources whose batches say Lasting. They are those of that batch.
	// Where they are gone, the error wraps [ErrGone].
	Again(ctx context.Context, part Part, from, to json.RawMessage, p Cycle) ([]Event, error)
	// Settle tells the source that the outputs have a batch. It gets the batch's Receipt. After an error, or a crash before it, the source may give
	// the same events again.
	Settle(ctx context.Context, part Part, receipt json.RawMessage) error
	// Close gives up connections.
	Close() error
}

// Part is a part of a source that is read by itself, in its own order.
type Part struct {
	Name  string   // letters, digits, - and _
	After []string // parts that have to be finished first, if they are there
	Ended bool     // it takes no more events: at its end it is finished
}

// Cycle is one pull cycle of a service.
type Cycle struct {
	ID    int64     // of the pull: its start in milliseconds, which its events carry
	Began time.Time // by the source's clock
	Start time.Time // where the service began at its first run
	Tell  func(text string)
}

// Batch is what one Read gave.
type Batch struct {
	Events []Event
	Next   json.RawMessage // the place behind it
	AtEnd  bool            // there is nothing more to read in this cycle
	// Lasting says that the source gives the same events whenever it is asked for the place where it was read and Next. Its events have no ids.
	Lasting bool
	// Forget: an event with an id that was remembered before, by its time, cannot come again. The zero time forgets nothing.
	Forget   time.Time
	Receipt  json.RawMessage // for Settle; null for none
	Requests int             // how many it took
	Trouble  error           // ends the cycle behind this batch, which counts all the same
}

// Event is one event as outputs get it: the fields of Log, and behind them Fields, which carry the pull id.
type Event struct {
	ID     string         `json:"id,omitempty"`   // what the source knows it by; "": it is never given twice
	Seen   int64          `json:"seen,omitempty"` // Unix seconds from which on its id is remembered
	Time   uint32         `json:"time"`           // Unix seconds
	Nanos  uint32         `json:"nanos,omitempty"`
	Topic  string         `json:"topic,omitempty"`
	Source string         `json:"source,omitempty"`
	Tags   []sluice.Field `json:"tags,omitempty"`
	Log    []sluice.Field `json:"log,omitempty"` // text, as a logstore gave it
	Fields []sink.Field   `json:"fields"`
}

// PullingID is the member that every event gets: the id of the pull that found it.
const PullingID = "@devo_pulling_id"

// Kind is a kind of service.
type Kind struct {
	Module string // its name in the log: …StandardPuller
	PullID int    // of its PullError
	Tag    string // the table of its events in Devo
	// Period is the time from the start of a cycle to that of the next, unless the configuration says otherwise.
	Period time.Duration
	// Oldest is how far back the service goes, 0 for any age.
	Oldest time.Duration
	// Open makes a source. It sends nothing. Its error is about the configuration.
	Open func(SourceSetup) (Source, error)
}

// SourceSetup is what sources are made of.
type SourceSetup struct {
	Config      json.RawMessage // the service's section without what is common to all; read it with [Strictly]
	Credentials Credentials
	Clock       *Clock // the source keeps it right
	// Transport sends requests of HTTP, nil for one of the source's own.
	Transport http.RoundTripper
	// Pace returns what spaces the requests under a name, which all services of the collector share.
	Pace func(name string, perSecond float64) *Pace
}
