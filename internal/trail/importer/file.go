package importer

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Limits of a file. CloudTrail keeps far below them: files of 50 MB at most, records of 256 KB, and JSON that gzip makes ten to thirty times smaller.
const (
	maxFile   = 50 << 20
	maxRaw    = 2 << 30
	maxRatio  = 200
	freeRaw   = 16 << 20 // that a file may grow to whatever its ratio
	maxRecord = 1 << 20
)

// damage is what is wrong with a file, and where in its text: behind the decompression, unless it says otherwise.
type damage struct {
	Offset int64
	Reason string
}

func (d *damage) Error() string { return fmt.Sprintf("at byte %d: %s", d.Offset, d.Reason) }

func damaged(at int64, format string, args ...any) error {
	return &damage{at, fmt.Sprintf(format, args...)}
}

// each gives fn the records of a file in their order, with their number and their place in the text, and comes to the end of the file: what
// it returns nil for is sound as a whole. raw is good until fn returns. Errors: *damage; fn's.
func each(file []byte, fn func(n int, at int64, raw json.RawMessage) error) error {
	text, rest, err := inflate(file)
	if err != nil {
		return err
	}
	f := &walk{text: text, dec: json.NewDecoder(text), fn: fn}
	if err := f.all(); err != nil {
		return err
	}
	if left := rest(); left > 0 {
		return damaged(text.read, "%d bytes follow the gzip stream", left)
	}
	return nil
}

// inflate is the text of a file, decompressed unless it came so, and what tells how many bytes are left behind it.
func inflate(file []byte) (text *bounded, rest func() int, err error) {
	if len(file) < 2 || file[0] != 0x1f || file[1] != 0x8b {
		return &bounded{from: bytes.NewReader(file), most: maxRaw}, func() int { return 0 }, nil
	}
	in := bytes.NewReader(file)
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, nil, damaged(0, "the header of gzip: %v", err)
	}
	z.Multistream(false)
	return &bounded{from: z, most: min(maxRaw, max(freeRaw, int64(len(file))*maxRatio))}, in.Len, nil
}

// bounded reads a text that may be larger than it should be.
type bounded struct {
	from io.Reader
	read int64
	most int64 // of the whole
	left int64 // until allow is called again
}

// allow lets the next bytes pass.
func (b *bounded) allow(n int64) { b.left = n }

var (
	errBomb  = errors.New("the text is too large for a file of this size")
	errLarge = fmt.Errorf("a value is larger than %d bytes", maxRecord)
)

func (b *bounded) Read(p []byte) (int, error) {
	switch {
	case b.read >= b.most:
		return 0, errBomb
	case b.left <= 0:
		return 0, errLarge
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left, b.most-b.read)])
	b.read += int64(n)
	b.left -= int64(n)
	return n, err
}

// walk goes through the JSON of a file: {"Records":[…]}, and nothing behind it.
type walk struct {
	text *bounded
	dec  *json.Decoder
	fn   func(n int, at int64, raw json.RawMessage) error
	n    int
}

func (w *walk) all() error {
	if err := w.delim('{'); err != nil {
		return err
	}
	found := false
	for w.more() {
		key, err := w.token()
		if err != nil {
			return err
		}
		if key != "Records" {
			if _, err := w.value(); err != nil {
				return err
			}
			continue
		}
		found = true
		if err := w.records(); err != nil {
			return err
		}
	}
	if err := w.delim('}'); err != nil {
		return err
	}
	if !found {
		return damaged(w.dec.InputOffset(), `there is no "Records": this is no file of records`)
	}
	at := w.dec.InputOffset()
	w.text.allow(maxRecord)
	if _, err := w.dec.Token(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = errors.New("there is something")
		}
		return w.fail(at, fmt.Errorf("behind the end of the JSON: %w", err))
	}
	return nil
}

func (w *walk) records() error {
	if err := w.delim('['); err != nil {
		return err
	}
	for w.more() {
		at := w.dec.InputOffset()
		raw, err := w.value()
		if err != nil {
			return err
		}
		if err := w.fn(w.n, at, raw); err != nil {
			return err
		}
		w.n++
	}
	return w.delim(']')
}

func (w *walk) more() bool {
	w.text.allow(maxRecord)
	return w.dec.More()
}

func (w *walk) token() (json.Token, error) {
	at := w.dec.InputOffset()
	w.text.allow(maxRecord)
	t, err := w.dec.Token()
	if err != nil {
		return nil, w.fail(at, err)
	}
	return t, nil
}

func (w *walk) delim(want json.Delim) error {
	at := w.dec.InputOffset()
	t, err := w.token()
	if err != nil {
		return err
	}
	if t != want {
		return damaged(at, "here is %.40v, and %v has to be", t, want)
	}
	return nil
}

func (w *walk) value() (raw json.RawMessage, err error) {
	at := w.dec.InputOffset()
	w.text.allow(maxRecord)
	if err := w.dec.Decode(&raw); err != nil {
		return nil, w.fail(at, err)
	}
	if len(raw) > maxRecord {
		return nil, w.fail(at, errLarge)
	}
	return raw, nil
}

func (w *walk) fail(at int64, err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		at = max(at, syntax.Offset)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return damaged(w.text.read, "the file ends too early")
	}
	return damaged(at, "%.200s", err.Error())
}
