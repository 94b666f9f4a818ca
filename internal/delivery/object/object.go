// Package object is what all sinks that write objects have in common: how a batch becomes the bytes of one object, and what it is called.
//
//	Entry ──Batch.Add──> encode.Body ──Send──> Store.Put(name, payload)
//	                                              ▲
//	     (task, shard, from, to, arrival of the first log) ──Options.name
//
// Invariants:
//   - A name is a function of the batch alone, never of the clock or the try: a batch that is sent again replaces its own object, and two
//     batches never have the same name.
//   - An object appears whole or not at all, that is up to the Store. Send returns nil only when it is there.
//   - There are no objects without logs.
package object

import (
	"context"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Store is a destination of objects.
type Store interface {
	// Put writes an object, replacing what has its name, and returns nil when it is as durable as it ever will be.
	// Its errors are those of [sink.Batch.Send].
	Put(ctx context.Context, o Object) error
}

// Object is what a Store writes.
type Object struct {
	Name    string
	Type    string // its media type
	Payload *encode.Payload
}

// Options is the part of a sink's configuration that says what its objects are.
type Options struct {
	// The format of objects; without a compression they are compressed with gzip, and Parquet with snappy.
	encode.Format
	Names
}

// Limits of an object unless a task has lower ones: 128 MiB of logs before compression, or 5 minutes.
var Limits = sink.Limits{Bytes: 128 << 20, Age: 5 * time.Minute}

// Validate checks o; its errors name the field.
func (o *Options) Validate() error {
	if err := o.Format.Validate(); err != nil {
		return err
	}
	return o.Names.validate()
}

// Writer makes batches for one sink.
type Writer struct {
	store  Store
	format encode.Format
	names  names
	dir    string

	executions *executions // instead, for that layout
}

// NewWriter makes a Writer of valid options. dir is for temporary files.
func NewWriter(o Options, store Store, dir string) *Writer {
	if o.Compression == "" {
		o.Compression = encode.Gzip
		if o.Format.Format == encode.Parquet {
			o.Compression = encode.Snappy
		}
	}
	w := &Writer{store: store, format: o.Format, names: o.compile(&o.Format), dir: dir}
	if o.Layout == layoutExecutions {
		w.executions = &executions{store: store, prefix: w.names.prefix}
	}
	return w
}

// Begin is that of [sink.Sink].
func (w *Writer) Begin(h sink.Header) sink.Batch {
	if w.executions != nil {
		return w.executions.begin(h)
	}
	return &batch{writer: w, header: h, body: w.format.Begin(w.dir)}
}

// batch is a batch that becomes an object.
type batch struct {
	writer *Writer
	header sink.Header
	body   *encode.Body
	span   span
}

// span is the times of the logs of a batch.
type span struct{ first, last uint32 }

func (b *batch) Add(e *sink.Entry) error {
	if err := b.body.Add(e); err != nil {
		return err
	}
	if b.body.Len() == 1 {
		b.span = span{e.Time, e.Time}
	}
	b.span = span{min(b.span.first, e.Time), max(b.span.last, e.Time)}
	return nil
}

func (b *batch) Len() int       { return b.body.Len() }
func (b *batch) Encoded() int64 { return b.body.Raw() }
func (b *batch) Memory() int64  { return b.body.Memory() }
func (b *batch) Release()       { b.body.Release() }

func (b *batch) Send(ctx context.Context, to sink.Point) error {
	if b.body.Len() == 0 {
		return nil
	}
	payload, err := b.body.Finish()
	if err != nil {
		return err
	}
	return b.writer.store.Put(ctx, Object{
		Name: b.writer.names.of(b.header, to, b.span), Type: mediaType(&b.writer.format), Payload: payload,
	})
}

// mediaType is that of the bytes of the object. Those that are compressed are not said to be encoded: readers would undo it, and go wrong
// by the name.
func mediaType(f *encode.Format) string {
	switch f.ContentEncoding() {
	case "":
		return f.ContentType()
	case "gzip":
		return "application/gzip"
	case "zstd":
		return "application/zstd"
	}
	return "application/octet-stream"
}

func invalid(path, format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "sink", path+": "+format, args...)
}
