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

// DecodeJSON reads the JSON form of a group, as web tracking and some writers send it:
//
//	{"__topic__":"t","__source__":"s","__tags__":{"k":"v"},"__logs__":[{"a":"1","__time__":1700000000,"__time_ns_part__":5}]}
//
// Fields keep the order of the document. Values that are no strings become their JSON text, null becomes "". With keepTime a
// log's own time counts where it has one; otherwise every log is of now. Unknown keys of the document are passed over.
// Limits and errors are those of [Check]; lim.MaxRaw is about the group as protobuf.
func DecodeJSON(body []byte, lim Limits, now time.Time, keepTime bool) (*sluice.LogGroup, error) {
	d := jsonDecoder{Decoder: json.NewDecoder(bytes.NewReader(body)), now: now, keepTime: keepTime}
	g, err := d.group()
	if err == nil {
		err = d.end()
	}
	if err != nil {
		return nil, sluice.Errorf(sluice.Invalid, "body", "the body is not a valid JSON log group: %w", err)
	}
	if _, err := Check(Append(nil, g), lim); err != nil {
		return nil, err
	}
	return g, nil
}

type jsonDecoder struct {
	*json.Decoder
	now      time.Time
	keepTime bool
}

func (d *jsonDecoder) group() (*sluice.LogGroup, error) {
	g := new(sluice.LogGroup)
	logs := false
	err := d.object(func(key string) (err error) {
		switch key {
		case keyTopic:
			g.Topic, err = d.text()
		case keySource:
			g.Source, err = d.text()
		case keyTags:
			err = d.object(func(key string) error {
				value, err := d.text()
				g.Tags = append(g.Tags, sluice.Field{Key: key, Value: value})
				return err
			})
		case keyLogs:
			logs = true
			err = d.array(func() error {
				r, err := d.record()
				g.Records = append(g.Records, r)
				return err
			})
		default:
			_, err = d.text()
		}
		return err
	})
	if err == nil && !logs {
		return nil, errors.New("there is no " + keyLogs)
	}
	return g, err
}

func (d *jsonDecoder) record() (sluice.Record, error) {
	r := sluice.Record{Time: uint32(d.now.Unix())}
	timed := false
	err := d.object(func(key string) error {
		value, err := d.text()
		if err != nil {
			return err
		}
		switch key {
		case keyTime:
			if d.keepTime {
				timed = true
				r.Time, err = number(value)
			}
		case keyNanos:
			if d.keepTime {
				r.Nanos, err = number(value)
			}
		default:
			r.Fields = append(r.Fields, sluice.Field{Key: key, Value: value})
		}
		return err
	})
	if !timed {
		r.Nanos = uint32(d.now.Nanosecond())
	}
	return r, err
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
func (d *jsonDecoder) text() (string, error) {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
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
func (d *jsonDecoder) object(member func(key string) error) error {
	return d.nested('{', func() error {
		key, err := d.Token()
		if err != nil {
			return err
		}
		return member(key.(string)) // a Decoder gives nothing else in the place of a key
	})
}

// array calls element for each element of the array that comes next; element reads it.
func (d *jsonDecoder) array(element func() error) error { return d.nested('[', element) }

func (d *jsonDecoder) nested(open json.Delim, element func() error) error {
	start, err := d.Token()
	if err != nil {
		return err
	}
	if start != open {
		return errors.New("expected " + open.String())
	}
	for d.More() {
		if err := element(); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// end makes sure that nothing follows the document.
func (d *jsonDecoder) end() error {
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more behind the document")
	}
	return nil
}
