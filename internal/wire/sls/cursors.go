package sls

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/shard"
)

// GetCursor: GET /logstores/{logstore}/shards/{shard}?type=cursor
//
// Behavior: from is begin, end, or seconds since 1970 by the server's clock at receipt, fractions allowed.

// GetCursorTime: GET /logstores/{logstore}/shards/{shard}?type=cursor_time
//
// Behavior: when the log group at the cursor was received, the present time for the end cursor; InvalidCursor outside
// [begin, end], on which clients that ask for the previous cursor's time rely.

var cursorRoutes = []Route{
	{Method: "GET", Path: "/logstores/{logstore}/shards/{shard}", When: "type=cursor", Action: "GetCursor", Permission: "log:GetCursorOrData", Resource: "logstore/{logstore}", handle: (*API).getCursor},
	{Method: "GET", Path: "/logstores/{logstore}/shards/{shard}", When: "type=cursor_time", Action: "GetCursorTime", Permission: "log:GetCursorOrData", Resource: "logstore/{logstore}", handle: (*API).getCursorTime},
}

func (a *API) getCursor(q *request) error {
	s, err := a.openShard(q)
	if err != nil {
		return err
	}
	p, err := positionFrom(s.Stored, q.query.Get("from"))
	if err != nil {
		return err
	}
	return q.json(struct {
		Cursor string `json:"cursor"`
	}{p.Cursor()})
}

// positionFrom finds the position that a from parameter means.
func positionFrom(l *shard.Log, from string) (sluice.Position, error) {
	switch begin, end := l.Bounds(); from {
	case "begin":
		return begin, nil
	case "end":
		return end, nil
	}
	seconds, err := strconv.ParseFloat(from, 64)
	if err != nil || math.Abs(seconds) > math.MaxInt32*1000 || math.IsNaN(seconds) {
		return 0, sluice.Errorf(sluice.Invalid, "parameter", "Parameter From is not valid: %.64q is neither begin, end nor seconds since 1970", from)
	}
	whole, fraction := math.Modf(seconds)
	return l.Seek(time.Unix(int64(whole), int64(fraction*1e9)))
}

func (a *API) getCursorTime(q *request) error {
	s, err := a.openShard(q)
	if err != nil {
		return err
	}
	p, err := q.cursor("cursor")
	if err != nil {
		return err
	}
	received, err := s.Stored.ReceivedAt(p)
	if err != nil {
		return readError(err, p)
	}
	return q.json(struct {
		Time int64 `json:"cursor_time"`
	}{received.Unix()})
}

// cursor reads a cursor parameter.
func (q *request) cursor(name string) (sluice.Position, error) {
	text := q.query.Get(name)
	p, err := sluice.ParseCursor(text)
	if err != nil {
		return 0, sluice.Errorf(sluice.Invalid, "parameter", "Invalid cursor %.64q", text)
	}
	return p, nil
}

// readError tells a client why reading at p failed.
func readError(err error, p sluice.Position) error {
	switch {
	case errors.Is(err, shard.ErrPosition):
		return sluice.Errorf(sluice.OutOfRange, "cursor", "cursor %s is outside the shard: %w", p.Cursor(), err)
	case errors.Is(err, shard.ErrUnknownLog):
		return sluice.Errorf(sluice.NotFound, "shard", "the shard was deleted: %w", err)
	case errors.Is(err, shard.ErrClosed):
		return sluice.Errorf(sluice.Unavailable, "server", "the server is shutting down: %w", err)
	}
	return err
}
