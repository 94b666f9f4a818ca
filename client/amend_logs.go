package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sluicelog/sluice"
)

// How many logs one request may change.
const (
	MaxDelete = 100_000
	MaxUpdate = 10_000
)

// RowIDField is the field in which logs that may be modified have their row id.
const RowIDField = "__rowid__"

// Selection says which logs are to be deleted or updated: those that a search finds, or one.
type Selection struct {
	RowID string // of one log, from RowIDField of a query's answer; if not empty, the rest does not count

	Query    string    // a search alone, without SQL or SPL; "*" for all logs of the time range
	From, To time.Time // logs with From <= time < To, in whole seconds
	Topic    string    // if not empty, only logs of this topic
}

type selectionBody struct {
	RowID string `json:"rowId,omitempty"`
	Query string `json:"query,omitempty"`
	From  *int64 `json:"from,omitempty"`
	To    *int64 `json:"to,omitempty"`
	Topic string `json:"topic,omitempty"`
}

func (s *Selection) body() (selectionBody, error) {
	if s.RowID != "" {
		return selectionBody{RowID: s.RowID}, nil
	}
	if s.Query == "" {
		return selectionBody{}, errors.New("the selection has no search; to mean all logs of the time range, say *")
	}
	for _, t := range []time.Time{s.From, s.To} {
		if t.Nanosecond() != 0 { // rounded, it would mean other logs than were asked for
			return selectionBody{}, fmt.Errorf("a selection is of whole seconds, not from or to %s", t.Format(time.RFC3339Nano))
		}
	}
	from, to := s.From.Unix(), s.To.Unix()
	return selectionBody{Query: s.Query, From: &from, To: &to, Topic: s.Topic}, nil
}

// EnableModification lets the logs of a logstore be deleted and updated, those that are there already, too. There is no way back.
func (c *Client) EnableModification(ctx context.Context, ref sluice.LogstoreRef) error {
	return c.sendJSON(ctx, http.MethodPut, ref.Project, logstorePath(ref)+"/modification", nil, map[string]bool{"enabled": true}, nil)
}

// DeleteLogs deletes logs, all that are meant or none, and returns how many there were. No query finds them any more when it returns; consumers and
// deliveries get them as ever. The server may have been asked more than once, as in any call; the number is then that of the last time. Error codes: IndexConfigNotExist;
// ParameterInvalid if the logs of the logstore may not be modified, for more than MaxDelete logs, for a query that is no search, for what is no row id.
func (c *Client) DeleteLogs(ctx context.Context, ref sluice.LogstoreRef, s Selection) (int, error) {
	body, err := s.body()
	if err != nil {
		return 0, err
	}
	return c.amend(ctx, ref, "/deletelogs", body)
}

// Update says what becomes of logs.
type Update struct {
	Set   map[string]string // fields and what they say from now on; __topic__, __source__ and __tag__:name are fields, too
	Unset []string          // fields that go
	Full  bool              // all other fields go, so that Unset is of no use; the topic, the source and tags stay
}

func (u *Update) data() (map[string]*string, error) {
	if u.Full && len(u.Unset) > 0 {
		return nil, errors.New("a full update takes away all fields that it does not set; it unsets none by name")
	}
	data := map[string]*string{}
	for name, value := range u.Set {
		data[name] = &value
	}
	for _, name := range u.Unset {
		if _, set := data[name]; set {
			return nil, fmt.Errorf("field %q is both set and unset", name)
		}
		data[name] = nil
	}
	if len(data) == 0 {
		return nil, errors.New("the update says nothing of any field")
	}
	return data, nil
}

// UpdateLogs changes what logs say to queries, all that are meant or none, and returns how many there were. Their times and row ids stay. Error codes: those of DeleteLogs,
// with MaxUpdate.
func (c *Client) UpdateLogs(ctx context.Context, ref sluice.LogstoreRef, s Selection, u Update) (int, error) {
	which, err := s.body()
	if err != nil {
		return 0, err
	}
	data, err := u.data()
	if err != nil {
		return 0, err
	}
	body := struct {
		selectionBody
		Data map[string]*string `json:"data"`
		Mode string             `json:"updateMode"`
	}{which, data, "partial"}
	if u.Full {
		body.Mode = "full"
	}
	return c.amend(ctx, ref, "/updatelogs", body)
}

func (c *Client) amend(ctx context.Context, ref sluice.LogstoreRef, path string, body any) (int, error) {
	var answer struct {
		Rows int `json:"affectedRows"`
	}
	err := c.sendJSON(ctx, http.MethodPost, ref.Project, logstorePath(ref)+path, nil, body, &answer)
	return answer.Rows, err
}
