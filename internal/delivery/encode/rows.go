package encode

import "github.com/sluicelog/sluice/internal/delivery/sink"

// chunk is how many bytes of rows are gathered before they are compressed.
const chunk = 64 << 10

// rowWriter puts rows between a prefix, separators and a suffix.
type rowWriter struct {
	out                       *output
	row                       Row
	prefix, separator, suffix string
	last                      bool // a separator behind the last row
	head                      func(dst []byte, e *sink.Entry) []byte

	buf  []byte // not yet written
	done int64  // bytes written before buf
	any  bool
}

func newRowWriter(out *output, f *Format) *rowWriter {
	w := &rowWriter{
		out: out, row: f.Open(), prefix: Unescape(f.BodyPrefix), separator: Unescape(f.separator()), suffix: Unescape(f.BodySuffix),
		last: f.lastSeparator(),
	}
	if f.Format == JSONArray {
		w.prefix, w.suffix = w.prefix+"[", "]"+w.suffix
	}
	if c, ok := w.row.(*csvRow); ok && f.CSV.Header {
		w.head = c.header
	}
	return w
}

func (w *rowWriter) add(e *sink.Entry) error {
	start := len(w.buf)
	switch {
	case !w.any:
		w.buf = append(w.buf, w.prefix...)
		if w.head != nil {
			w.buf = w.head(w.buf, e)
		}
	case !w.last:
		w.buf = append(w.buf, w.separator...)
	}
	var err error
	if w.buf, err = w.row.Append(w.buf, e); err != nil {
		w.buf = w.buf[:start]
		return err
	}
	if w.last {
		w.buf = append(w.buf, w.separator...)
	}
	w.any = true
	if len(w.buf) < chunk {
		return nil
	}
	return w.flush()
}

func (w *rowWriter) flush() error {
	w.done += int64(len(w.buf))
	_, err := w.out.Write(w.buf)
	w.buf = w.buf[:0]
	if cap(w.buf) > 16*chunk { // of one large log
		w.buf = nil
	}
	return err
}

func (w *rowWriter) finish() error {
	if w.any {
		w.buf = append(w.buf, w.suffix...)
	}
	err := w.flush()
	w.buf = nil
	return err
}

func (w *rowWriter) raw() int64    { return w.done + int64(len(w.buf)) }
func (w *rowWriter) memory() int64 { return int64(cap(w.buf)) }
