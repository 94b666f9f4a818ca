package sls

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
)

// Query values come from many languages: booleans as true, True or nothing, numbers as text, absent values as empty ones
// (reference sls-api 0.1, rules 10 and 11).

// number reads an integer parameter; absent is the value for a missing or empty one.
func (q *request) number(name string, absent int) (int, error) {
	text := q.query.Get(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, badParameter(name, text, "not an integer")
	}
	return n, nil
}

// flag reads a boolean parameter, false when missing or empty.
func (q *request) flag(name string) (bool, error) {
	text := q.query.Get(name)
	if text == "" {
		return false, nil
	}
	v, err := strconv.ParseBool(strings.ToLower(text))
	if err != nil {
		return false, badParameter(name, text, "neither true nor false")
	}
	return v, nil
}

// page reads offset and size of a list; larger pages than 500 are cut to 500.
func (q *request) page() (offset, size int, err error) {
	if offset, err = q.number("offset", 0); err != nil {
		return 0, 0, err
	}
	if size, err = q.number("size", 100); err != nil {
		return 0, 0, err
	}
	if offset < 0 {
		return 0, 0, badParameter("offset", q.query.Get("offset"), "below 0")
	}
	if size < 1 {
		return 0, 0, badParameter("size", q.query.Get("size"), "below 1")
	}
	return offset, min(size, 500), nil
}

func badParameter(name, text, why string) error {
	return sluice.Errorf(sluice.Invalid, "parameter", "parameter %s=%.64q is %s", name, text, why)
}

// shardID reads the shard that the path names.
func (q *request) shardID() (sluice.ShardID, error) { return parseShardID(q.vars.get("shard")) }

func parseShardID(text string) (sluice.ShardID, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return 0, sluice.Errorf(sluice.Invalid, "parameter", "invalid shard id %.64q", text)
	}
	return sluice.ShardID(n), nil
}

// openShard finds the shard that the path names, with its log.
func (a *API) openShard(q *request) (*catalog.Shard, error) {
	id, err := q.shardID()
	if err != nil {
		return nil, err
	}
	logstore, err := a.Catalog.Logstore(q.ctx(), q.logstore())
	if err != nil {
		return nil, err
	}
	shard, ok := logstore.Shard(id)
	if !ok {
		return nil, sluice.Errorf(sluice.NotFound, "shard", "shard %d does not exist in logstore %s", id, logstore.Name)
	}
	return shard, nil
}

// decode reads a JSON body into v. noun says what the body describes and so chooses the error code.
func (q *request) decode(noun string, v any) error { return q.decodeUpTo(maxJSONBytes, noun, v) }

// decodeUpTo is decode for a body of so many bytes at most.
func (q *request) decodeUpTo(limit int, noun string, v any) error {
	buf, err := q.readDocument(limit)
	if err != nil {
		return err
	}
	defer buf.release()
	if err := json.Unmarshal(buf.b, v); err != nil {
		return sluice.Errorf(sluice.Invalid, noun, "the request body is not the JSON expected here: %v", err)
	}
	return nil
}

// looseInt is an integer that may come as text.
type looseInt int

func (n *looseInt) UnmarshalJSON(raw []byte) error {
	v, err := strconv.Atoi(unquoted(raw))
	if err != nil {
		return fmt.Errorf("%.64s is not an integer", raw)
	}
	*n = looseInt(v)
	return nil
}

// looseBool is a boolean that may come as text.
type looseBool bool

func (b *looseBool) UnmarshalJSON(raw []byte) error {
	v, err := strconv.ParseBool(strings.ToLower(unquoted(raw)))
	if err != nil {
		return fmt.Errorf("%.64s is neither true nor false", raw)
	}
	*b = looseBool(v)
	return nil
}

func unquoted(raw []byte) string { return strings.Trim(string(raw), `"`) }
