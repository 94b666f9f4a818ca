package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/record"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// putter makes log groups of lines, in the order of the lines, and sends them one after the other.
type putter struct {
	app      *app
	ref      sluice.LogstoreRef
	o        putOptions
	header   sluice.LogGroup // topic, source and tags of lines that name none
	send     func(context.Context, sluice.LogstoreRef, *sluice.LogGroup, client.PutOptions) error
	document bool // the summary goes to standard output, too

	group sluice.LogGroup // being filled
	bytes int             // of its records, about
	lines int64           // bytes of the lines behind it
	end   mark            // behind its last line

	stored  mark // everything before is stored or rejected
	unsure  bool // the last group failed in a way that may have left it stored
	sum     putSummary
	reasons []string // the first rejections
	refused int      // logs that the server refused

	total int64 // bytes of the inputs, 0 if unknown
	begun time.Time
	shown time.Time // when the progress was last shown
}

// putSummary is what became of the lines.
type putSummary struct {
	Logs     int     `json:"logs"`
	Groups   int     `json:"logGroups"`
	Bytes    int64   `json:"bytes"` // of the lines that were dealt with
	Rejected int     `json:"rejected"`
	Untimed  int     `json:"untimed"` // stored with the time of reading, though a time was to be had
	Seconds  float64 `json:"seconds"`
}

const (
	shownReasons = 5
	// Finding the bad logs of a group costs requests. An input that is wrong as a whole is not worth them.
	maxRefused = 1000
)

// take puts a line into the group being filled, and sends the group when it is full.
func (p *putter) take(ctx context.Context, it item) error {
	if it.fatal != nil {
		return errors.Join(p.flush(ctx), it.fatal)
	}
	if it.rejected != "" {
		p.reject(it.rejected)
		p.end = it.end
		p.lines += it.size
		return nil
	}
	header := p.headerOf(it.entry)
	size := weight(it.entry.Record)
	full := len(p.group.Records) >= p.o.batchCount || p.bytes+size > p.o.batchBytes
	if len(p.group.Records) > 0 && (full || !sameHeader(&p.group, &header)) {
		if err := p.flush(ctx); err != nil {
			return err
		}
	}
	if len(p.group.Records) == 0 {
		p.group = header
	}
	if !it.entry.Timed {
		now := p.app.now()
		it.entry.Record.Time, it.entry.Record.Nanos = uint32(now.Unix()), uint32(now.Nanosecond())
		if p.o.timeField != "" {
			p.sum.Untimed++
		}
	}
	p.group.Records = append(p.group.Records, it.entry.Record)
	p.bytes += size
	p.lines += it.size
	p.end = it.end
	return nil
}

// headerOf is what a line says of its group, and the flags where it is silent.
func (p *putter) headerOf(e record.Entry) sluice.LogGroup {
	header := p.header
	if e.Topic != "" {
		header.Topic = e.Topic
	}
	if e.Source != "" {
		header.Source = e.Source
	}
	if len(e.Tags) > 0 {
		header.Tags = e.Tags
	}
	return header
}

func sameHeader(a, b *sluice.LogGroup) bool {
	return a.Topic == b.Topic && a.Source == b.Source && slices.Equal(a.Tags, b.Tags)
}

// weight is about what a record takes in the protobuf.
func weight(r sluice.Record) int {
	n := 16
	for _, f := range r.Fields {
		n += len(f.Key) + len(f.Value) + 8
	}
	return n
}

// flush sends the group being filled. After an error, stored says from where to go on.
func (p *putter) flush(ctx context.Context) error {
	if len(p.group.Records) > 0 {
		if err := p.put(ctx, &p.group); err != nil {
			return err
		}
	}
	p.stored = p.end
	p.sum.Bytes += p.lines
	p.group, p.bytes, p.lines = sluice.LogGroup{}, 0, 0
	p.progress()
	return nil
}

// put sends a group. One that the server refuses for its contents is sent in halves, until the logs that it cannot take
// stand alone.
func (p *putter) put(ctx context.Context, g *sluice.LogGroup) error {
	err := p.send(ctx, p.ref, g, client.PutOptions{HashKey: p.o.hashKey})
	if err == nil {
		p.sum.Logs += len(g.Records)
		p.sum.Groups++
		return nil
	}
	if !aboutContents(err) {
		p.unsure = maybeStored(err)
		return err
	}
	if len(g.Records) == 1 {
		return p.refuse(g.Records[0], err)
	}
	half := len(g.Records) / 2
	first, second := *g, *g
	first.Records, second.Records = g.Records[:half], g.Records[half:]
	if err := p.put(ctx, &first); err != nil {
		return err
	}
	return p.put(ctx, &second)
}

// aboutContents reports whether the server found fault with the logs of a group and not with the request.
func aboutContents(err error) bool {
	switch client.Code(err) {
	case "PostBodyInvalid", "PostBodyTooLarge", "InvalidTimestamp", "InvalidEncoding", "InvalidKey":
		return true
	}
	return false
}

// maybeStored reports whether a write that failed with err may have reached the disk: not when the server refused it or was
// never reached.
func maybeStored(err error) bool {
	var refused *client.Error
	if errors.As(err, &refused) {
		return refused.Status >= http.StatusInternalServerError
	}
	var dial *net.OpError
	return !errors.As(err, &dial) || dial.Op != "dial"
}

func (p *putter) refuse(r sluice.Record, err error) error {
	what, _ := explain(err)
	p.reject(fmt.Sprintf("%s: %s", excerpt(r), what))
	if p.refused++; p.refused >= maxRefused {
		return &hinted{err, fmt.Sprintf("The server refused %s: this input is wrong as a whole. The rest was not sent.", plural(p.refused, "log"))}
	}
	return nil
}

func (p *putter) reject(reason string) {
	p.sum.Rejected++
	if len(p.reasons) < shownReasons {
		p.reasons = append(p.reasons, tty.VisibleLines(reason))
	}
}

// excerpt is enough of a record to find it again.
func excerpt(r sluice.Record) string {
	if len(r.Fields) == 0 {
		return "a log without fields"
	}
	const enough = 60
	return fmt.Sprintf("%.*q", enough, r.Fields[0].Key+"="+r.Fields[0].Value)
}
