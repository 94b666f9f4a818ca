package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

// TailQuery asks for the logs of a logstore as they come in.
type TailQuery struct {
	Query string // a search, or a search and SPL that looks at one log at a time: "status:500 | project url"; "" follows everything

	// Where to begin: behind the event with that id; else, if From is not zero, with what the server received from then on, to the
	// second; else at the end.
	LastEventID string
	From        time.Time

	// Lost is told, if it is not nil, that the connection broke, before it is made again. Found is told that it was.
	Lost  func(error)
	Found func()
}

// TailEvent is what came in of one shard.
type TailEvent struct {
	ID    string // as LastEventID of a TailQuery it goes on behind this event; "" if another event belongs to this one
	Shard sluice.ShardID
	Rows  []Row // logs, or what the query made of them

	// What is missing: logs that came faster than they were taken, or groups that the server cannot read.
	SkippedGroups, SkippedLogs int64
	Damaged                    bool
}

// How long a tail waits before it connects again, and for a sign of life. The server gives one every ten seconds.
const (
	tailDelay    = 200 * time.Millisecond
	maxTailDelay = 10 * time.Second
	tailSilence  = 35 * time.Second
)

// Tail follows a logstore until ctx ends, which it yields no error for, or the server refuses or cannot be reached at first, which
// it yields as the last. A connection that breaks later is made again, where it was: no log is lost and none comes twice. Error codes: IndexConfigNotExist for a
// search where there is no index; ParameterInvalid for a query that cannot be read.
func (c *Client) Tail(ctx context.Context, ref sluice.LogstoreRef, q TailQuery) iter.Seq2[*TailEvent, error] {
	return func(yield func(*TailEvent, error) bool) {
		t := &tail{c: c, ref: ref, q: q, yield: yield}
		for {
			err := t.connect(ctx)
			var refused *Error
			switch {
			case t.left || ctx.Err() != nil:
				return
			case errors.As(err, &refused) && !refused.Temporary(), refused == nil && !t.begun:
				yield(nil, err)
				return
			}
			if !t.lost && q.Lost != nil {
				q.Lost(err)
			}
			t.lost = true
			if !sleep(ctx, t.delay()) {
				return
			}
		}
	}
}

// tail is one that is being followed, over many connections.
type tail struct {
	c     *Client
	ref   sluice.LogstoreRef
	q     TailQuery
	yield func(*TailEvent, error) bool
	begun bool // something came
	left  bool // yield wants no more
	lost  bool // the connection is broken, and that was told
	tries int  // since it was last there
}

func (t *tail) delay() time.Duration {
	d := min(tailDelay<<min(t.tries, 10), maxTailDelay)
	t.tries++
	return d/2 + rand.N(d/2+1)
}

// connect follows over one connection, until it ends.
func (t *tail) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	query := url.Values{"query": {t.q.Query}}
	if !t.q.From.IsZero() {
		query.Set("from", strconv.FormatInt(t.q.From.Unix(), 10))
	}
	req, err := t.c.request(ctx, call{
		method: http.MethodGet, project: t.ref.Project, path: "/sluice/v1" + logstorePath(t.ref) + "/tail", query: query,
		answerType: "text/event-stream",
	})
	if err != nil {
		return err
	}
	if t.q.LastEventID != "" {
		req.Header.Set("Last-Event-ID", t.q.LastEventID)
	}
	silence := time.AfterFunc(tailSilence, cancel)
	defer silence.Stop()
	resp, err := t.c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // what is missing is not told
		return newError(resp.StatusCode, resp.Header, body)
	}
	events := eventReader{bufio.NewReaderSize(resp.Body, 64<<10)}
	for {
		e, err := events.next()
		if err != nil {
			return fmt.Errorf("follow %s: %w", t.ref, err)
		}
		silence.Reset(tailSilence)
		if err := t.take(e); err != nil || t.left {
			return err
		}
	}
}

// take handles one event of the stream.
func (t *tail) take(e serverEvent) error {
	if t.lost && t.q.Found != nil {
		t.q.Found()
	}
	t.begun, t.lost, t.tries = true, false, 0
	var event *TailEvent
	switch e.name {
	case "":
		// an id alone: how far the server looked
	case "error":
		refused := &Error{Status: http.StatusServiceUnavailable}
		if err := json.Unmarshal(e.data, &struct {
			Code    *string `json:"errorCode"`
			Message *string `json:"errorMessage"`
		}{&refused.Code, &refused.Message}); err != nil {
			return err
		}
		if refused.Code != "ServerBusy" {
			refused.Status = http.StatusBadRequest
		}
		return refused
	case "logs", "skipped":
		var err error
		if event, err = decodeTailEvent(e); err != nil {
			return fmt.Errorf("event %s of %s: %w", e.name, t.ref, err)
		}
	default:
		return nil // of a newer server
	}
	if e.id != "" {
		t.q.LastEventID = e.id
	}
	if event != nil && !t.yield(event, nil) {
		t.left = true
	}
	return nil
}

func decodeTailEvent(e serverEvent) (*TailEvent, error) {
	var body struct {
		Shard         sluice.ShardID
		Logs          json.RawMessage
		SkippedGroups int64
		SkippedLogs   int64
		Damaged       bool
	}
	if err := json.Unmarshal(e.data, &body); err != nil {
		return nil, err
	}
	rows, err := decodeRows(body.Logs)
	return &TailEvent{
		ID: e.id, Shard: body.Shard, Rows: rows, SkippedGroups: body.SkippedGroups, SkippedLogs: body.SkippedLogs, Damaged: body.Damaged,
	}, err
}

// serverEvent is a server-sent event.
type serverEvent struct {
	id, name string
	data     []byte
}

// eventReader reads server-sent events as far as this server uses them: data is one line.
type eventReader struct{ r *bufio.Reader }

func (r eventReader) next() (e serverEvent, err error) {
	for {
		line, err := r.line()
		if err != nil {
			return e, err
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "":
			if line == "" {
				return e, nil
			}
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			e.data = []byte(value)
		}
	}
}

// line reads a line without its end.
func (r eventReader) line() (string, error) {
	var long []byte
	for {
		part, more, err := r.r.ReadLine()
		if err != nil {
			return "", err
		}
		if !more && long == nil {
			return string(part), nil
		}
		if long = append(long, part...); len(long) > maxAnswer {
			return "", fmt.Errorf("an event is larger than %d bytes", maxAnswer)
		}
		if !more {
			return string(long), nil
		}
	}
}
