package slssink

import (
	"context"
	"encoding/binary"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/logpb"
)

// batch is log groups in the order of their first logs.
type batch struct {
	sink   *Sink
	header sink.Header
	groups []*group
	byName map[string]*group
	last   *group // of the last log: the next mostly has the same

	logs  int
	bytes int64
	name  []byte
	log   sluice.LogGroup // of one record, to encode it
}

// group is a log group in the making: its logs, encoded.
type group struct {
	name     string // its logstore, topic, source and tags
	logstore string // "": nowhere
	logs     []byte
	tail     []byte // topic, source and tags, encoded
	first    int    // number of its first log in the batch
	run      int    // how many follow one another from there on
	written  bool
}

func (b *batch) Add(e *sink.Entry) error {
	g := b.group(e)
	if g.first+g.run == b.logs {
		g.run++
	}
	b.logs++
	if g.logstore == "" {
		return nil
	}
	record := &b.log.Records[0]
	record.Time, record.Nanos, record.Fields = e.Time, e.Nanos, record.Fields[:0]
	for i := range e.Fields {
		if f := &e.Fields[i]; f.Kind != sink.Absent && !b.sink.config.inGroup(f.Key) {
			record.Fields = append(record.Fields, sluice.Field{Key: f.Key, Value: f.Value})
		}
	}
	before := len(g.logs)
	g.logs = logpb.Append(g.logs, &b.log)
	b.bytes += int64(len(g.logs) - before)
	clear(record.Fields)
	return nil
}

// group finds the group of a log, or makes it.
func (b *batch) group(e *sink.Entry) *group {
	if b.log.Records == nil {
		b.log.Records = make([]sluice.Record, 1)
	}
	c := &b.sink.config
	logstore, listed := c.LogstoreByTopic[e.Topic]
	if !listed {
		logstore = c.Logstore
	}
	head := sluice.LogGroup{Topic: e.Topic, Source: e.Source, Tags: e.Tags}
	if c.Topic != nil {
		head.Topic = *c.Topic
	}
	if c.Source != nil {
		head.Source = *c.Source
	}
	if c.DropTags {
		head.Tags = nil
	}
	b.name = logpb.Append(appendText(b.name[:0], logstore), &head)
	if b.last != nil && b.last.name == string(b.name) {
		return b.last
	}
	g := b.byName[string(b.name)]
	if g == nil {
		name := string(b.name)
		g = &group{name: name, logstore: string([]byte(logstore)), tail: logpb.Append(nil, &head), first: b.logs}
		b.byName[name] = g
		b.groups = append(b.groups, g)
		b.bytes += int64(len(g.tail))
	}
	b.last = g
	return g
}

// inGroup says whether a field is what the log group has already: its time, topic, source and tags, unless they are written otherwise.
func (c *Config) inGroup(key string) bool {
	switch {
	case !strings.HasPrefix(key, "__"):
		return false
	case key == "__time__":
		return true
	case key == "__topic__":
		return c.Topic == nil
	case key == "__source__":
		return c.Source == nil
	}
	return strings.HasPrefix(key, "__tag__:") && !c.DropTags
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func (b *batch) Len() int       { return b.logs }
func (b *batch) Encoded() int64 { return b.bytes + int64(b.logs) } // logs that go nowhere count a little, too

func (b *batch) Memory() int64 {
	n := int64(1024)
	for _, g := range b.groups {
		n += int64(cap(g.logs)) + int64(2*len(g.name)) + 256
	}
	return n
}

func (b *batch) Release() { b.groups, b.byName, b.last = nil, nil, nil }

// Send writes the groups that an earlier try has not written.
func (b *batch) Send(ctx context.Context, to sink.Point) error {
	if b.logs > 0 && b.written() {
		for _, g := range b.groups {
			g.written = false // sent again although it was delivered
		}
	}
	for _, g := range b.groups {
		if g.written || g.logstore == "" {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		encoded := append(g.logs[:len(g.logs):len(g.logs)], g.tail...)
		encoded = logpb.AppendTag(encoded, b.sink.config.BatchTag, b.header.ID(to))
		if err := b.sink.put(ctx, g.logstore, encoded, b.header.Shard); err != nil {
			return b.about(g, err)
		}
		g.written = true
	}
	return nil
}

// written says whether all groups are.
func (b *batch) written() bool {
	for _, g := range b.groups {
		if !g.written && g.logstore != "" {
			return false
		}
	}
	return true
}
