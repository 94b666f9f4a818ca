package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/cmd/sluice/internal/when"
)

// Parser reads lines of one format.
type Parser struct {
	Format    Format         // JSON or Raw
	Field     string         // where a raw line goes; "" is DefaultField
	TimeField string         // the JSON field that holds the time; "" is __time__ alone
	Location  *time.Location // of times that name no zone
	Flatten   bool           // {"a":{"b":1}} is a field a.b; otherwise a field a with the JSON text
}

// Detect guesses the format from the first bytes of an input: JSON when its first line is an object, as far as it is there.
func Detect(head []byte) Format {
	line, _, complete := bytes.Cut(bytes.TrimLeft(head, " \t\r\n\ufeff"), []byte("\n"))
	if !bytes.HasPrefix(line, []byte("{")) {
		return Raw
	}
	if complete && !json.Valid(line) {
		return Raw
	}
	return JSON
}

// Parse reads one line, without its line break.
func (p *Parser) Parse(line []byte) (Entry, error) {
	if p.Format == JSON {
		return p.parseJSON(line)
	}
	field := p.Field
	if field == "" {
		field = DefaultField
	}
	return Entry{Record: sluice.Record{Fields: []sluice.Field{{Key: field, Value: string(line)}}}}, nil
}

func (p *Parser) parseJSON(line []byte) (Entry, error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	var e Entry
	if err := p.object(decoder, "", &e); err != nil {
		return Entry{}, fmt.Errorf("not a JSON object: %w", unexpectedEnd(err))
	}
	if _, err := decoder.Token(); err != io.EOF {
		return Entry{}, errors.New("more than one JSON value in the line")
	}
	return e, nil
}

// unexpectedEnd gives a plain "EOF" its reason.
func unexpectedEnd(err error) error {
	if strings.HasSuffix(err.Error(), "EOF") {
		return errors.New("it ends too early")
	}
	return err
}

// object reads an object token by token, because a map would lose the order of the fields and repeated keys.
func (p *Parser) object(d *json.Decoder, prefix string, e *Entry) error {
	if token, err := d.Token(); err != nil {
		return err
	} else if token != json.Delim('{') {
		return fmt.Errorf("it starts with %v", token)
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		if err := p.field(e, prefix+token.(string), value); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func (p *Parser) field(e *Entry, key string, value json.RawMessage) error {
	if p.Flatten && value[0] == '{' {
		return p.object(json.NewDecoder(bytes.NewReader(value)), key+".", e)
	}
	text, err := flat(value)
	if err != nil {
		return err
	}
	e.add(key, text)
	if key == p.TimeField {
		p.stamp(e, text)
	}
	return nil
}

// flat is the text of a JSON value: of a string its content, of anything else its JSON, compact.
func flat(value json.RawMessage) (string, error) {
	switch value[0] {
	case '"':
		var s string
		err := json.Unmarshal(value, &s)
		return s, err
	case '{', '[':
		var b bytes.Buffer
		err := json.Compact(&b, value)
		return b.String(), err
	}
	return string(value), nil
}

// add gives a field its place: the dialect's own keys are about the record or its group, all others are contents.
func (e *Entry) add(key, text string) {
	switch {
	case key == keyTime:
		if t, ok := when.Timestamp(text, time.UTC); ok {
			e.setTime(t)
		}
	case key == keyNanos:
		if n, err := strconv.ParseUint(text, 10, 32); err == nil && n < 1e9 {
			e.Record.Nanos = uint32(n)
		}
	case key == keyTopic:
		e.Topic = text
	case key == keySource:
		e.Source = text
	case strings.HasPrefix(key, prefixTag):
		e.Tags = append(e.Tags, sluice.Field{Key: key[len(prefixTag):], Value: text})
	default:
		e.Record.Fields = append(e.Record.Fields, sluice.Field{Key: key, Value: text})
	}
}

func (p *Parser) stamp(e *Entry, text string) {
	location := p.Location
	if location == nil {
		location = time.Local
	}
	if t, ok := when.Timestamp(text, location); ok {
		e.setTime(t)
	}
}

func (e *Entry) setTime(t time.Time) {
	seconds := t.Unix()
	if seconds < 0 || seconds > 1<<32-1 {
		return
	}
	e.Record.Time, e.Timed = uint32(seconds), true
	if nanos := uint32(t.Nanosecond()); nanos != 0 {
		e.Record.Nanos = nanos
	}
}
