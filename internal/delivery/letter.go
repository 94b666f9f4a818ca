package delivery

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/logpb"
)

/*
A dead letter is a log of the dead-letter logstore, in a log group whose topic is the task's name:

	id        32 hexadecimal digits, the same for the same log of the same task, however often it comes here
	logstore  where the log was, and
	shard     the shard there, and
	at        position.index in it
	batch     id of the batch it was refused in
	attempt   1, and one more for each redrive that failed
	reason    the destination's
	log       the log as it was before the task chose fields: JSON {"time","nanos","topic","source","tags":{},"fields":{}}, keys in
	          their order and as often as they came; {"time", "protobuf"}, a LogGroup of one log in base64, if it is not all UTF-8
*/
type letter struct {
	shard   sluice.ShardID
	at      sink.Point
	batch   string
	attempt int
	reason  string
	log     string
}

// Bounds of what is written at once. A log that alone is over maxLetter leaves its place and reason here, without its text.
const (
	maxLetter       = 9 << 20
	maxLettersGroup = 2 << 20
	maxReason       = 2048
)

// letterID names a log of a task for good.
func letterID(task taskKey, logstore string, shard sluice.ShardID, at sink.Point) string {
	var sum [16]byte
	for i, seed := range []string{"letter a", "letter b"} {
		d := xxhash.New()
		_, _ = fmt.Fprintf(d, "%s %q %q %d %v", seed, task.String(), logstore, shard, at)
		d.Sum(sum[8*i : 8*i])
	}
	return hex.EncodeToString(sum[:])
}

// record makes the log of the dead-letter logstore.
func (l *letter) record(task taskKey, logstore string, now time.Time) sluice.Record {
	text := l.log
	if len(text) > maxLetter {
		text = "" // no logstore would take it
	}
	reason := strings.ToValidUTF8(l.reason, "\uFFFD")
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	return sluice.Record{
		Time: uint32(now.Unix()), Nanos: uint32(now.Nanosecond()),
		Fields: []sluice.Field{
			{Key: "id", Value: letterID(task, logstore, l.shard, l.at)},
			{Key: "logstore", Value: logstore},
			{Key: "shard", Value: l.shard.String()},
			{Key: "at", Value: l.at.String()},
			{Key: "batch", Value: l.batch},
			{Key: "attempt", Value: strconv.Itoa(l.attempt)},
			{Key: "reason", Value: reason},
			{Key: "log", Value: text},
		},
	}
}

// lettersIndex is the index of a dead-letter logstore.
const lettersIndex = `{"keys":{
	"id":{"type":"text","token":[],"caseSensitive":true},"logstore":{"type":"text","token":[],"caseSensitive":true},
	"shard":{"type":"long"},"at":{"type":"text","token":[],"caseSensitive":true},"batch":{"type":"text","token":[],"caseSensitive":true},
	"attempt":{"type":"long"},
	"reason":{"type":"text","token":[","," ",":",";","\"","'","(",")","\n","\t","/","="],"caseSensitive":false},
	"log":{"type":"text","token":[","," ",":",";","\"","'","(",")","{","}","[","]","\n","\t","/","=","?","&","\\"],"caseSensitive":false}},
	"line":{"token":[","," ",":",";","\"","'","(",")","{","}","[","]","\n","\t","/","=","?","&","\\"],"caseSensitive":false}}`

// writeLog writes the log g.Records[i] as a letter holds it.
func writeLog(g *sluice.LogGroup, i int) string {
	r := &g.Records[i]
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"time":%d,"nanos":%d`, r.Time, r.Nanos)
	if !plain(g, r) {
		one := sluice.LogGroup{Topic: g.Topic, Source: g.Source, Tags: g.Tags, Records: g.Records[i : i+1]}
		fmt.Fprintf(&b, `,"protobuf":%q}`, base64.StdEncoding.EncodeToString(logpb.Append(nil, &one)))
		return b.String()
	}
	b.WriteString(`,"topic":` + quote(g.Topic) + `,"source":` + quote(g.Source))
	writePairs(&b, "tags", g.Tags)
	writePairs(&b, "fields", r.Fields)
	b.WriteByte('}')
	return b.String()
}

func plain(g *sluice.LogGroup, r *sluice.Record) bool {
	ok := utf8.ValidString(g.Topic) && utf8.ValidString(g.Source)
	for _, pairs := range [][]sluice.Field{g.Tags, r.Fields} {
		for _, f := range pairs {
			ok = ok && utf8.ValidString(f.Key) && utf8.ValidString(f.Value)
		}
	}
	return ok
}

func writePairs(b *bytes.Buffer, name string, pairs []sluice.Field) {
	b.WriteString(`,"` + name + `":{`)
	for i, f := range pairs {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quote(f.Key) + ":" + quote(f.Value))
	}
	b.WriteByte('}')
}

// quote writes s as JSON, without escapes that only HTML needs.
func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string always has a form
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// readLog is the inverse of writeLog.
func readLog(text string) (*sluice.LogGroup, error) {
	g := &sluice.LogGroup{Records: make([]sluice.Record, 1)}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := delim(d, '{'); err != nil {
		return nil, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch name {
		case "time":
			err = d.Decode(&g.Records[0].Time)
		case "nanos":
			err = d.Decode(&g.Records[0].Nanos)
		case "topic":
			err = d.Decode(&g.Topic)
		case "source":
			err = d.Decode(&g.Source)
		case "tags":
			g.Tags, err = readPairs(d)
		case "fields":
			g.Records[0].Fields, err = readPairs(d)
		case "protobuf":
			return readPacked(d)
		default:
			err = fmt.Errorf("unknown part %.40q", name)
		}
		if err != nil {
			return nil, err
		}
	}
	return g, delim(d, '}')
}

func readPacked(d *json.Decoder) (*sluice.LogGroup, error) {
	var raw []byte // encoding/json knows base64
	if err := d.Decode(&raw); err != nil {
		return nil, err
	}
	g, err := logpb.Decode(raw)
	if err == nil && len(g.Records) != 1 {
		err = errors.New("it does not hold one log")
	}
	return g, err
}

// readPairs reads an object in its order, with keys that repeat.
func readPairs(d *json.Decoder) (pairs []sluice.Field, err error) {
	if err := delim(d, '{'); err != nil {
		return nil, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		f := sluice.Field{Key: key.(string)} // keys of objects are strings
		if err := d.Decode(&f.Value); err != nil {
			return nil, err
		}
		pairs = append(pairs, f)
	}
	return pairs, delim(d, '}')
}

func delim(d *json.Decoder, want json.Delim) error {
	switch t, err := d.Token(); {
	case err != nil:
		return err
	case t != want:
		return fmt.Errorf("%v where %v should be", t, want)
	}
	return nil
}

// readLetter reads a log of a dead-letter logstore and the log in it.
func readLetter(r *sluice.Record) (*letter, *sluice.LogGroup, error) {
	l := &letter{}
	for _, f := range r.Fields {
		var err error
		switch f.Key {
		case "shard":
			var n int64
			n, err = strconv.ParseInt(f.Value, 10, 32)
			l.shard = sluice.ShardID(n)
		case "at":
			l.at, err = parsePoint(f.Value)
		case "attempt":
			l.attempt, err = strconv.Atoi(f.Value)
		case "log":
			l.log = f.Value
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", f.Key, err)
		}
	}
	if l.log == "" {
		return nil, nil, errors.New("its text is not here: it was too large")
	}
	g, err := readLog(l.log)
	return l, g, err
}

func parsePoint(text string) (p sink.Point, err error) {
	position, index, ok := strings.Cut(text, ".")
	n, err := strconv.ParseInt(position, 10, 64)
	if err == nil && ok {
		p.Position = sluice.Position(n)
		p.Index, err = strconv.Atoi(index)
	}
	if err != nil || !ok || p.Position < 0 || p.Index < 0 {
		return sink.Point{}, fmt.Errorf("%.40q is not a place", text)
	}
	return p, nil
}
