package logpb

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/sluicelog/sluice"
)

// Keys that mean something in the JSON form (reference sls-api 4.5).
const (
	keyTopic  = "__topic__"
	keySource = "__source__"
	keyTags   = "__tags__"
	keyLogs   = "__logs__"
	keyTime   = "__time__"
	keyNanos  = "__time_ns_part__"
)

// AppendJSON encodes the group that the JSON form describes behind dst. It is what web tracking and some writers send:
//
//	{"__topic__":"t","__source__":"s","__tags__":{"k":"v"},"__logs__":[{"a":"1","__time__":1700000000,"__time_ns_part__":5}]}
//
// Fields keep the order of the document. Values that are no strings become their JSON text, null becomes "". With keepTime a
// log's own time counts where it has one; otherwise every log is of now. Unknown keys of the document are passed over.
// Limits and errors are those of [Check]; lim.MaxRaw is about the group as protobuf.
//
// The group is never built in memory: a document of many small logs would become dozens of times as large, and strangers send it.
func AppendJSON(dst, body []byte, lim Limits, now time.Time, keepTime bool) ([]byte, error) {
	e := jsonEncoder{Decoder: json.NewDecoder(bytes.NewReader(body)), now: now, keepTime: keepTime, out: dst}
	err := e.group()
	if err == nil {
		err = e.end()
	}
	if err != nil {
		return dst, sluice.Errorf(sluice.Invalid, "body", "the body is not a valid JSON log group: %w", err)
	}
	if _, err := Check(e.out[len(dst):], lim); err != nil {
		return dst, err
	}
	return e.out, nil
}

type jsonEncoder struct {
	*json.Decoder
	now      time.Time
	keepTime bool
	out      []byte
	contents []byte // of the log being read
}

func (e *jsonEncoder) group() error {
	var topic, source string
	logs := false
	err := e.object(func(key string) (err error) {
		switch key {
		case keyTopic:
			topic, err = e.text()
		case keySource:
			source, err = e.text()
		case keyTags:
			err = e.object(func(key string) error {
				value, err := e.text()
				e.out = AppendTag(e.out, key, value)
				return err
			})
		case keyLogs:
			logs = true
			err = e.array(e.log)
		default:
			_, err = e.text()
		}
		return err
	})
	if err == nil && !logs {
		return errors.New("there is no " + keyLogs)
	}
	e.out = Append(e.out, &sluice.LogGroup{Topic: topic, Source: source})
	return err
}

func (e *jsonEncoder) log() error {
	r := sluice.Record{Time: uint32(e.now.Unix())}
	timed := false
	e.contents = e.contents[:0]
	err := e.object(func(key string) error {
		value, err := e.text()
		if err != nil {
			return err
		}
		switch key {
		case keyTime:
			if e.keepTime {
				timed = true
				r.Time, err = number(value)
			}
		case keyNanos:
			if e.keepTime {
				r.Nanos, err = number(value)
			}
		default:
			e.contents = appendPair(e.contents, tagContents, key, value)
		}
		return err
	})
	if !timed {
		r.Nanos = uint32(e.now.Nanosecond())
	}
	e.out = appendHeader(e.out, tagLogs, sizeRecord(&r)+len(e.contents))
	e.out = append(appendTime(e.out, r.Time), e.contents...)
	e.out = appendNanos(e.out, r.Nanos)
	return err
}

// number reads the text of a time, which clients send as a number or as a string.
func number(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, errors.New("a time is not a 32-bit number")
	}
	return uint32(n), nil
}

// text reads any value: a string as it is, null as "", anything else as its JSON text.
func (e *jsonEncoder) text() (string, error) {
	var raw json.RawMessage
	if err := e.Decode(&raw); err != nil {
		return "", err
	}
	switch raw[0] {
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	case 'n':
		return "", nil
	case '{', '[':
		var compact bytes.Buffer
		err := json.Compact(&compact, raw)
		return compact.String(), err
	}
	return string(raw), nil
}

// object calls member for each key of the object that comes next; member reads the value.
func (e *jsonEncoder) object(member func(key string) error) error {
	return e.nested('{', func() error {
		key, err := e.Token()
		if err != nil {
			return err
		}
		return member(key.(string)) // a Decoder gives nothing else in the place of a key
	})
}

// array calls element for each element of the array that comes next; element reads it.
func (e *jsonEncoder) array(element func() error) error { return e.nested('[', element) }

func (e *jsonEncoder) nested(open json.Delim, element func() error) error {
	start, err := e.Token()
	if err != nil {
		return err
	}
	if start != open {
		return errors.New("expected " + open.String())
	}
	for e.More() {
		if err := element(); err != nil {
			return err
		}
	}
	_, err = e.Token()
	return err
}

// end makes sure that nothing follows the document.
func (e *jsonEncoder) end() error {
	if _, err := e.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more behind the document")
	}
	return nil
}
