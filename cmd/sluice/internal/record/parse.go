package record

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	s := &scanner{text: string(line)}
	var e Entry
	err := p.object(s, "", &e)
	if err == nil && (s.next() != 0 || s.at < len(s.text)) {
		err = s.unexpected()
	}
	if err != nil {
		return Entry{}, fmt.Errorf("not a JSON object: %w", err)
	}
	return e, nil
}

// object keeps the order of the members, and those whose key repeats.
func (p *Parser) object(s *scanner, prefix string, e *Entry) error {
	return s.object(func(key string) error {
		if prefix != "" {
			key = prefix + key
		}
		if p.Flatten && s.next() == '{' {
			return p.object(s, key+".", e)
		}
		text, err := flat(s)
		if err != nil {
			return err
		}
		e.add(key, text)
		if key == p.TimeField {
			p.stamp(e, text)
		}
		return nil
	})
}

// flat is the text of a JSON value: of a string its content, of anything else its JSON, compact.
func flat(s *scanner) (string, error) {
	switch s.next() {
	case '"':
		return s.string()
	case '{', '[':
		value, err := s.skip()
		if err != nil || !strings.ContainsAny(value, " \t\r\n") {
			return value, err
		}
		var b bytes.Buffer
		err = json.Compact(&b, []byte(value))
		return b.String(), err
	}
	return s.skip()
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
	case key == keyRowID:
		e.RowID = text
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
