package encode

import (
	"errors"
	"io"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Body is the payload of one batch in the making. One goroutine uses it: Add any number of times, Finish, Release.
type Body struct {
	writer  writer
	out     *output
	len     int
	payload *Payload
	err     error // of writing, which ends the body
}

// writer writes the logs of a format to an output.
type writer interface {
	add(e *sink.Entry) error
	finish() error
	raw() int64    // bytes of the logs before compression
	memory() int64 // of what it holds
}

// Begin begins a body of a valid f. It spills to temporary files in dir.
func (f *Format) Begin(dir string) *Body {
	b := &Body{}
	switch f.Format {
	case Parquet:
		b.out = newOutput(dir, None) // its columns are compressed
		b.writer = newParquetWriter(b.out, f)
	case LogGroup:
		b.out = newOutput(dir, f.Compression)
		b.writer = newGroupWriter(b.out)
	default:
		b.out = newOutput(dir, f.Compression)
		b.writer = newRowWriter(b.out, f)
	}
	return b
}

var errFinished = errors.New("the body is finished")

// Add adds a log. An error that is a [sink.Refused] leaves the body as it was; any other ends it.
func (b *Body) Add(e *sink.Entry) error {
	if b.err != nil {
		return b.err
	}
	if b.payload != nil {
		return errFinished
	}
	err := b.writer.add(e)
	if err == nil {
		b.len++
	} else if refused := (*sink.Refused)(nil); !errors.As(err, &refused) {
		b.err = err
	}
	return err
}

// Len is the number of logs, Raw their bytes before compression, framing included, Memory about what the body holds.
func (b *Body) Len() int      { return b.len }
func (b *Body) Raw() int64    { return b.writer.raw() }
func (b *Body) Memory() int64 { return b.writer.memory() + b.out.memory() }

// Finish ends the body and returns what it made, the same at every call. It is valid until Release.
func (b *Body) Finish() (*Payload, error) {
	if b.payload != nil || b.err != nil {
		return b.payload, b.err
	}
	if b.err = errors.Join(b.writer.finish(), b.out.close()); b.err != nil {
		return nil, b.err
	}
	b.payload = &Payload{head: b.out.head, spool: &b.out.spool}
	return b.payload, nil
}

// Release gives memory and files back.
func (b *Body) Release() { b.out.release() }

// Payload is a finished body, to be read as often as needed, also by several goroutines.
type Payload struct {
	head  []byte
	spool *spool
}

// PayloadOf is a payload of bytes that are there; b is not changed while it is in use.
func PayloadOf(b []byte) *Payload { return &Payload{head: b, spool: &spool{}} }

// Size is how many bytes there are.
func (p *Payload) Size() int64 { return int64(len(p.head)) + p.spool.size() }

// ReadAt is that of io.ReaderAt.
func (p *Payload) ReadAt(b []byte, off int64) (n int, err error) {
	if off < int64(len(p.head)) {
		n = copy(b, p.head[off:])
		off += int64(n)
	}
	if n == len(b) {
		return n, nil
	}
	more, err := p.spool.ReadAt(b[n:], off-int64(len(p.head)))
	return n + more, err
}

// Reader reads it from the start.
func (p *Payload) Reader() *io.SectionReader { return io.NewSectionReader(p, 0, p.Size()) }

// output compresses into a spool. The compressor, which holds more memory than many a batch, is taken when there is something to compress.
type output struct {
	spool      spool
	codec      codec
	compressor compressor // nil: none, or not yet, or no more
	head       []byte     // what only the end tells and stands at the start
}

func newOutput(dir string, c Compression) *output {
	return &output{spool: spool{dir: dir}, codec: codecs[c]}
}

func (o *output) Write(p []byte) (int, error) {
	if w := o.writer(); w != nil {
		return w.Write(p)
	}
	return o.spool.Write(p)
}

// writer returns the compressor, nil for none.
func (o *output) writer() compressor {
	if o.compressor == nil && o.codec.pool != nil {
		o.compressor = o.codec.pool.Get().(compressor)
		o.compressor.Reset(&o.spool)
	}
	return o.compressor
}

func (o *output) close() error {
	w := o.writer()
	if w == nil {
		return nil
	}
	err := w.Close()
	if s, ok := w.(*snappyBlock); ok {
		o.head = s.head()
	}
	o.giveBack()
	return err
}

func (o *output) memory() int64 {
	n := int64(cap(o.spool.mem))
	if o.compressor != nil {
		n += o.codec.memory
	}
	return n
}

func (o *output) giveBack() {
	if o.compressor != nil {
		o.compressor.Reset(nil)
		o.codec.pool.Put(o.compressor)
		o.compressor = nil
	}
}

func (o *output) release() {
	o.giveBack()
	o.spool.release()
}
