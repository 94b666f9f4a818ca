package collector

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/logpb"
)

// Logstore is a logstore that can be written to and read from. Its methods may be called from many goroutines.
type Logstore interface {
	// Put appends an encoded log group to the shard that owns a hash key. After an error it may be stored or not.
	Put(ctx context.Context, key string, group []byte) error
	// End returns, by shard, the place behind what the logstore has for a hash key.
	End(ctx context.Context, key string) (map[string]string, error)
	// Scan calls yield with each log group that the shards of a hash key have from places on, and moves those behind what it saw.
	Scan(ctx context.Context, key string, from map[string]string, yield func(group []byte) error) error
	// Invalid says whether an error of Put means that the logs themselves will never be taken.
	Invalid(err error) bool
	Close() error
}

// LogstoreConfig is where and how a logstore gets events.
type LogstoreConfig struct {
	// Endpoint of the log service [the server that runs the collector, if it is one].
	Endpoint        string      `json:"endpoint,omitempty"`
	AccessKeyID     string      `json:"access_key_id,omitempty"` // with an endpoint
	AccessKeySecret sink.Secret `json:"access_key_secret,omitzero"`
	SecurityToken   sink.Secret `json:"security_token,omitzero"`
	SignV4          bool        `json:"sign_v4,omitempty"` // signs with version 4 and Region
	Region          string      `json:"region,omitempty"`

	Project  string `json:"project"`
	Logstore string `json:"logstore"`

	// MaxAgeHours: events older than this at the time of the pull get the time of the pull, and their own goes into the field log_time; log services
	// refuse old logs. 0 takes the default, -1 keeps all times [144].
	MaxAgeHours float64 `json:"max_age_hours,omitempty"`
	// SettleSeconds is how long a write whose answer was lost may still be on its way: so long it is looked for before it is repeated [3].
	SettleSeconds float64 `json:"settle_seconds,omitempty"`
}

// LogstoreDestination writes events to a logstore, each once.
//
//	delivery ──by topic, source, tags, in pieces──> log groups, each with its name in a tag ──Put──> the shard of the stream's key
//	                                                                │
//	after a crash or a lost answer: Scan from the mark on ──────────┘ is it there?
//
// A piece is repeated only when it was looked for, from a place behind everything before it, for as long as it might have been on its way.
type LogstoreDestination struct {
	store  Logstore
	maxAge time.Duration
	settle time.Duration
}

// NewLogstoreDestination makes a destination of a logstore, which it closes.
func NewLogstoreDestination(store Logstore, c LogstoreConfig) (*LogstoreDestination, error) {
	d := &LogstoreDestination{store: store, maxAge: 144 * time.Hour, settle: 3 * time.Second}
	switch {
	case c.MaxAgeHours < -1 || c.MaxAgeHours > 1e6:
		return nil, fmt.Errorf("max_age_hours: %g is not between -1 and 1000000", c.MaxAgeHours)
	case c.SettleSeconds < 0 || c.SettleSeconds > 600:
		return nil, fmt.Errorf("settle_seconds: %g is not between 0 and 600", c.SettleSeconds)
	}
	if c.MaxAgeHours != 0 {
		d.maxAge = max(0, time.Duration(c.MaxAgeHours*float64(time.Hour)))
	}
	if c.SettleSeconds > 0 {
		d.settle = time.Duration(c.SettleSeconds * float64(time.Second))
	}
	return d, nil
}

// Check writes a log group without logs, which leaves nothing behind, and reads where the logstore ends.
func (d *LogstoreDestination) Check(ctx context.Context) error {
	key := shardKey("check")
	if err := d.store.Put(ctx, key, nil); err != nil && !d.store.Invalid(err) {
		return err
	}
	_, err := d.store.End(ctx, key)
	return err
}

// Close implements [Destination].
func (d *LogstoreDestination) Close() error { return d.store.Close() }

// Mark implements [Destination].
func (d *LogstoreDestination) Mark(ctx context.Context, stream string) (json.RawMessage, error) {
	places, err := d.store.End(ctx, shardKey(stream))
	if err != nil {
		return nil, err
	}
	return json.Marshal(places)
}

// BatchTag is the tag with the name of what a group holds.
const BatchTag = "__sluice_batch__"

// Send implements [Destination].
func (d *LogstoreDestination) Send(ctx context.Context, del *Delivery) ([]Refusal, error) {
	pieces := d.pieces(del)
	there := map[string]bool{}
	if del.Again {
		var err error
		if there, err = d.look(ctx, del, pieces); err != nil {
			return nil, fmt.Errorf("look for what was sent: %w", err)
		}
	}
	var refused []Refusal
	for _, p := range pieces {
		if there[p.name] {
			continue
		}
		err := d.store.Put(ctx, shardKey(del.Stream()), p.group(p.name, p.logs)) // in the room that is left behind the logs
		if err != nil && d.store.Invalid(err) {
			more, err := d.singly(ctx, del, p, there)
			if err != nil {
				return nil, err
			}
			refused = append(refused, more...)
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	return refused, nil
}

// singly writes the logs of a piece that was refused one by one, to find out which of them the logstore does not take.
func (d *LogstoreDestination) singly(ctx context.Context, del *Delivery, p *piece, there map[string]bool) (refused []Refusal, err error) {
	begin := 0
	for n, end := range p.ends {
		log := p.logs[begin:end]
		begin = end
		name := p.name + "." + strconv.Itoa(n)
		if there[name] {
			continue
		}
		switch err := d.store.Put(ctx, shardKey(del.Stream()), p.group(name, bytes.Clone(log))); {
		case err != nil && d.store.Invalid(err):
			refused = append(refused, Refusal{p.index[n], err.Error()})
		case err != nil:
			return nil, err
		}
	}
	return refused, nil
}

// lookAgain is the time between two looks for a write that may be on its way.
const lookAgain = 250 * time.Millisecond

// look returns the names of the pieces that the logstore has, and of parts of pieces.
func (d *LogstoreDestination) look(ctx context.Context, del *Delivery, pieces []*piece) (map[string]bool, error) {
	from := map[string]string{}
	if err := json.Unmarshal(del.Mark, &from); err != nil || len(from) == 0 {
		return nil, errors.New("the state has no place to look from")
	}
	found, prefix := map[string]bool{}, []byte(batchName(del))
	for deadline := time.Now().Add(d.settle); ; {
		last := !time.Now().Before(deadline)
		err := d.store.Scan(ctx, shardKey(del.Stream()), from, func(group []byte) error {
			if bytes.Contains(group, prefix) { // the tag is behind the logs, which need not be decoded
				return noteBatch(group, found)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		missing := 0
		for _, p := range pieces {
			if !found[p.name] {
				missing++
			}
		}
		if missing == 0 || last {
			return found, nil
		}
		if err := sleep(ctx, lookAgain); err != nil {
			return nil, err
		}
	}
}

// noteBatch notes the name in the tag of a group.
func noteBatch(group []byte, found map[string]bool) error {
	g, err := logpb.Decode(group)
	if err != nil {
		return err
	}
	for _, t := range g.Tags {
		if t.Key == BatchTag {
			found[t.Value] = true
		}
	}
	return nil
}

// shardKey is the hash key of a stream: all of it goes to one shard, in its order.
func shardKey(stream string) string {
	sum := md5.Sum([]byte(stream))
	return hex.EncodeToString(sum[:])
}

// batchName is what no other delivery is called.
func batchName(del *Delivery) string {
	sum := sha256.Sum256([]byte(del.Stream()))
	return hex.EncodeToString(sum[:8]) + "-" + strconv.FormatInt(del.First, 10) + "-"
}

// Bounds of a piece: what log services take at once, with room to spare.
const (
	pieceLogs  = 4000
	pieceBytes = 3 << 20
)

// piece is some events of a delivery that go into one log group.
type piece struct {
	name  string
	head  []byte // topic, source and tags, encoded
	logs  []byte // encoded
	ends  []int  // of each log in logs
	index []int  // of each log in the delivery
}

// group is the log group of some of the logs. What lies behind them in memory is written over.
func (p *piece) group(name string, logs []byte) []byte {
	return logpb.AppendTag(append(logs, p.head...), BatchTag, name)
}

// pieces divides a delivery, the same way every time.
func (d *LogstoreDestination) pieces(del *Delivery) (list []*piece) {
	open := map[string]*piece{}
	one := &sluice.LogGroup{Records: make([]sluice.Record, 1)}
	var (
		key, head []byte
		last      *piece
		lastKey   string
	)
	left := sizeOf(del.Events)
	for i := range del.Events {
		e := &del.Events[i]
		head = logpb.Append(head[:0], &sluice.LogGroup{Topic: e.Topic, Source: e.Source, Tags: e.Tags})
		key = append(key[:0], head...)
		p := last
		if p == nil || lastKey != string(key) {
			p = open[string(key)]
			lastKey = string(key)
		}
		if p == nil || len(p.ends) >= pieceLogs || len(p.logs) >= pieceBytes {
			p = &piece{name: batchName(del) + strconv.Itoa(len(list)), head: bytes.Clone(head)}
			open[lastKey] = p
			list = append(list, p)
			if len(list) <= enoughPieces {
				p.logs = make([]byte, 0, min(left, pieceBytes+pieceBytes/8)+len(head)+groupRoom)
				left -= min(left, pieceBytes)
			}
		}
		last = p
		d.record(&one.Records[0], e, del.Cycle)
		p.logs = logpb.Append(p.logs, one)
		p.ends, p.index = append(p.ends, len(p.logs)), append(p.index, i)
	}
	return list
}

// enoughPieces is up to how many pieces get memory for all of the logs that are left: those that come later are of other topics and small.
const enoughPieces = 4

// groupRoom is what the tag of a group takes, and the field of a log that got another time.
const groupRoom = 128

// sizeOf is about what events take as logs, rather more.
func sizeOf(events []Event) (n int) {
	for i := range events {
		n += 16
		for _, f := range events[i].Log {
			n += len(f.Key) + len(f.Value) + 10
		}
		for _, f := range events[i].Fields {
			n += len(f.Key) + len(f.Value) + 10
		}
	}
	return n
}

// record makes a log of an event.
func (d *LogstoreDestination) record(r *sluice.Record, e *Event, cycle int64) {
	r.Time, r.Nanos, r.Fields = e.Time, e.Nanos, append(r.Fields[:0], e.Log...)
	for i := range e.Fields {
		if f := &e.Fields[i]; f.Kind != sink.Absent {
			r.Fields = append(r.Fields, sluice.Field{Key: f.Key, Value: f.Value})
		}
	}
	pulled := cycle / 1000
	if d.maxAge > 0 && int64(e.Time) < pulled-int64(d.maxAge.Seconds()) {
		r.Time, r.Nanos = uint32(pulled), 0
		r.Fields = append(r.Fields, sluice.Field{Key: "log_time", Value: strconv.FormatUint(uint64(e.Time), 10)})
	}
}
