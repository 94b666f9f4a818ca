package sls

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/shard"
)

func TestBodiesAreReadWhole(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 3*firstRead/16+5)
	for _, size := range []int{0, 1, 100, firstRead - 1, firstRead, firstRead + 1, len(content)} {
		for name, wrapped := range map[string]func(io.Reader) io.Reader{
			"plain": func(r io.Reader) io.Reader { return r }, "halves": iotest.HalfReader, "end with data": iotest.DataErrReader,
		} {
			for _, expected := range []int{size, -1} {
				var b buffer
				err := b.fill(wrapped(bytes.NewReader(content[:size])), expected, len(content))
				if err != nil || !bytes.Equal(b.b, content[:size]) {
					t.Errorf("%d bytes, %s, length %d: got %d bytes, %v", size, name, expected, len(b.b), err)
				}
			}
		}
	}
}

func TestBodiesStopAtTheirLimit(t *testing.T) {
	f := func(name string, r io.Reader, expected int, kind sluice.Kind) {
		t.Helper()
		var b buffer
		err := b.fill(r, expected, 1000)
		if err == nil || sluice.KindOf(err) != kind {
			t.Errorf("%s: got error %v, want %v", name, err, kind)
		}
		if cap(b.b) > 2000 {
			t.Errorf("%s: took %d bytes of memory", name, cap(b.b))
		}
	}
	f("endless", endless{}, -1, sluice.TooLarge)
	f("one byte over", strings.NewReader(strings.Repeat("x", 1001)), -1, sluice.TooLarge)
	f("longer than announced", endless{}, 10, sluice.TooLarge)
	f("broken off", iotest.TimeoutReader(iotest.OneByteReader(endless{})), -1, sluice.Invalid)
	f("too slow", iotest.ErrReader(os.ErrDeadlineExceeded), 10, sluice.Unavailable)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A length that nobody keeps costs little memory.
func TestAnnouncedLengthIsNotBelieved(t *testing.T) {
	var b buffer
	_ = b.fill(strings.NewReader("few"), 30<<20, 30<<20)
	if cap(b.b) > firstRead {
		t.Errorf("took %d bytes for 3", cap(b.b))
	}
}

// Bodies in memory at once have a budget, which comes back when they are done.
func TestBudgetOfBodies(t *testing.T) {
	a := New(Services{}, Options{MaxBodies: 1000})
	post := func(size, rawSize int) (*buffer, error) {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", strings.NewReader(strings.Repeat("x", size)))
		return a.logBody(&request{r: r, route: &Route{Anonymous: true}}, 2000, rawSize)
	}
	first, err := post(300, 600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := post(101, 0); sluice.KindOf(err) != sluice.Unavailable {
		t.Errorf("over the budget: got error %v", err)
	}
	if _, err := post(3000, 0); sluice.KindOf(err) != sluice.Unavailable {
		t.Errorf("over the limit: got error %v", err)
	}
	first.release()
	for range 3 { // a body that is refused gives back what it took
		if _, err := post(600, 400); err != nil {
			t.Fatal(err)
		}
		a.bodies.Release(1000)
	}
}

// A reader learns where damage begins and ends, and no file names.
func TestDamageIsExplained(t *testing.T) {
	err := &shard.CorruptError{File: "/srv/data/0001.seg", Offset: 7, What: "checksum", Position: 100, Next: 103}
	for _, err := range []error{err, errors.Join(errors.New("read"), err)} {
		got := explain(err)
		if got.Status != 500 || !strings.Contains(got.Message, sluice.Position(103).Cursor()) || strings.Contains(got.Message, "srv") {
			t.Errorf("got %+v", got)
		}
	}
}

// What nobody classified stays in the log.
func TestUnknownErrorsAreNotShown(t *testing.T) {
	for _, err := range []error{errors.New("open /srv/data/meta.db"), sluice.Errorf(sluice.Internal, "x", "open /srv/data/meta.db")} {
		if got := explain(err); got.Status != 500 || got.Code != "InternalServerError" || strings.Contains(got.Message, "srv") {
			t.Errorf("got %+v", got)
		}
	}
}
