package sls

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
)

// maxJSONBytes bounds the bodies of the actions that change metadata.
const maxJSONBytes = 1 << 20

// firstRead is how much memory a body gets before any of it has arrived; more comes as bytes come, so that a length that
// nobody honours costs little.
const firstRead = 256 << 10

// buffers holds bodies and pull answers between requests.
var buffers = sync.Pool{New: func() any { return new(buffer) }}

// buffer is memory that goes back to the pool with release.
type buffer struct {
	b    []byte
	room room // what it takes of a budget, given back with release
}

func newBuffer() *buffer { return buffers.Get().(*buffer) }

func (b *buffer) release() {
	b.room.shrink(0)
	b.b, b.room = b.b[:0], room{}
	buffers.Put(b)
}

// room is memory taken from a budget. The zero room is none.
type room struct {
	budget *semaphore.Weighted
	n      int64
}

// take returns room for n bytes if the budget has them.
func take(budget *semaphore.Weighted, n int64) (room, error) {
	if !budget.TryAcquire(n) {
		return room{}, outOfMemory()
	}
	return room{budget, n}, nil
}

// shrink gives back what is over n.
func (r *room) shrink(n int64) {
	if r.n > n {
		r.budget.Release(r.n - n)
		r.n = n
	}
}

func outOfMemory() error {
	return sluice.Errorf(sluice.Unavailable, "server", "the server is busy: the requests being served fill its memory")
}

// What bodies of logs take of their budget.
const (
	jsonGrowth    = 3       // times its size: what becomes of a JSON body
	leastUnsigned = 1 << 19 // also of a smaller unsigned body: strangers that send slowly occupy few of the places
)

// logBody reads a body of logs like body does, if all such bodies together leave memory for this one, compressed and not.
func (a *API) logBody(q *request, limit, rawSize int) (*buffer, error) {
	expected := q.r.ContentLength
	if expected < 0 || expected > int64(limit) {
		expected = int64(limit)
	}
	charge := expected + int64(rawSize)
	if q.sendsJSON() {
		charge += jsonGrowth * max(expected, int64(rawSize))
	}
	budget := a.bodies
	if q.route.Anonymous {
		budget, charge = a.unsigned, max(charge, leastUnsigned)
	}
	room, err := take(budget, charge)
	if err != nil {
		return nil, err
	}
	buf, err := q.body(limit)
	if err != nil {
		room.shrink(0)
		return nil, err
	}
	buf.room = room
	return buf, nil
}

// sendsJSON reports whether a body of logs is JSON. That of web tracking always is, whatever browsers call it.
func (q *request) sendsJSON() bool {
	return q.route.Anonymous || strings.HasPrefix(q.r.Header.Get("Content-Type"), "application/json")
}

// body reads the whole request body, at most limit bytes, checks it against what was signed, and asks again whether the
// signer may. The caller releases the buffer.
func (q *request) body(limit int) (*buffer, error) {
	if q.r.ContentLength > int64(limit) {
		return nil, tooLarge(limit)
	}
	buf := newBuffer()
	if err := buf.fill(q.r.Body, int(q.r.ContentLength), limit); err != nil {
		buf.release()
		return nil, err
	}
	if !q.route.Anonymous {
		err := q.digest.Check(buf.b)
		if err == nil && q.principal != nil {
			err = q.renew()
		}
		if err != nil {
			buf.release()
			return nil, err
		}
	}
	return buf, nil
}

// readDocument reads a body that is no logs, and keeps it for audit events. The caller releases the buffer.
func (q *request) readDocument(limit int) (*buffer, error) {
	buf, err := q.body(limit)
	if err == nil && len(buf.b) <= maxTold {
		q.told = bytes.Clone(buf.b)
	}
	return buf, err
}

// fill reads r to its end. expected is its length, negative if unknown.
func (b *buffer) fill(r io.Reader, expected, limit int) error {
	most := limit + 1 // room for one byte too many, to see that it is there
	if expected >= 0 {
		most = expected + 1
	}
	b.grow(min(most, firstRead))
	for {
		n, err := r.Read(b.b[len(b.b):min(cap(b.b), most)])
		b.b = b.b[:len(b.b)+n]
		switch {
		case len(b.b) == most:
			return tooLarge(most - 1)
		case err == io.EOF:
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return sluice.Errorf(sluice.Unavailable, "body", "the request body did not arrive in time")
		case err != nil:
			return sluice.Errorf(sluice.Invalid, "body", "the request body ended early: %w", err)
		case len(b.b) == cap(b.b):
			b.grow(min(2*cap(b.b), most))
		}
	}
}

func (b *buffer) grow(size int) {
	if size > cap(b.b) {
		b.b = append(make([]byte, 0, size), b.b...)
	}
}

func tooLarge(limit int) error {
	return sluice.Errorf(sluice.TooLarge, "body", "the request body is larger than %d bytes", limit)
}

// compression reads how the body is compressed and how long it is before that. The length counts only where there is a
// compression: clients send 0 with JSON bodies that are not empty (reference sls-api 0.1, rule 9).
func (q *request) compression(limit int) (codec logpb.Codec, rawSize int, err error) {
	codec = logpb.Codec(q.r.Header.Get("X-Log-Compresstype"))
	switch codec {
	case logpb.None:
		return codec, 0, nil
	case logpb.LZ4, logpb.Zstd, logpb.Deflate:
	default:
		return "", 0, sluice.Errorf(sluice.Invalid, "compresstype", "x-log-compresstype %.32q is not lz4, zstd or deflate", string(codec))
	}
	text := q.r.Header.Get("X-Log-Bodyrawsize")
	if text == "" {
		return "", 0, sluice.Errorf(sluice.Invalid, "bodyrawsize-missing", "a compressed body needs x-log-bodyrawsize")
	}
	rawSize, err = strconv.Atoi(text)
	if err != nil || rawSize < 0 {
		return "", 0, sluice.Errorf(sluice.Invalid, "bodyrawsize", "x-log-bodyrawsize %.32q is not a length", text)
	}
	if rawSize > limit {
		return "", 0, tooLarge(limit)
	}
	return codec, rawSize, nil
}

// sentLimit is the most bytes that a body compressed by codec may have.
func (a *API) sentLimit(codec logpb.Codec) int {
	if codec == logpb.None {
		return a.o.MaxBodyBytes
	}
	return a.o.MaxSentBytes
}
