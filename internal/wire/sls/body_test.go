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
	"testing/synctest"

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

// Bodies in memory at once have a budget, which comes back when they are done. Strangers have another one.
func TestBudgetOfBodies(t *testing.T) {
	a := New(Services{}, Options{MaxBodies: 1000, MaxUnsigned: 2 * leastUnsigned})
	post := func(route *Route, size, rawSize int) (*buffer, error) {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", strings.NewReader(strings.Repeat("x", size)))
		return a.logBody(&request{r: r, route: route}, 2000, rawSize)
	}
	signed, unsigned := new(Route), &Route{Anonymous: true}
	first, err := post(signed, 300, 600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := post(signed, 101, 0); sluice.KindOf(err) != sluice.Unavailable {
		t.Errorf("over the budget: got error %v", err)
	}
	if _, err := post(signed, 3000, 0); sluice.KindOf(err) != sluice.Unavailable {
		t.Errorf("over the limit: got error %v", err)
	}
	var strangers []*buffer
	for range 2 {
		b, err := post(unsigned, 1, 0)
		if err != nil {
			t.Fatalf("unsigned, while the signed fill theirs: %v", err)
		}
		strangers = append(strangers, b)
	}
	first.release()
	if _, err := post(unsigned, 1, 0); sluice.KindOf(err) != sluice.Unavailable {
		t.Errorf("strangers over their budget: got error %v", err)
	}
	for range 3 { // the strangers took nothing of it, and a body that is done or refused gives back what it took
		b, err := post(signed, 600, 400)
		if err != nil {
			t.Fatal(err)
		}
		b.release()
	}
	for _, b := range strangers {
		b.release()
	}
	if _, err := post(unsigned, 1, 0); err != nil {
		t.Error(err)
	}
}

// Pulls wait for memory a moment and then give up; an answer that a client takes slowly has no more than it needs.
func TestBudgetOfAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Services{}, Options{MaxPullBytes: 100, MaxAnswers: 200})
		slow, err := a.pullRoom(t.Context(), pull{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.pullRoom(t.Context(), pull{}); sluice.KindOf(err) != sluice.Unavailable {
			t.Errorf("no memory: got error %v", err)
		}
		go slow.shrink(0)
		next, err := a.pullRoom(t.Context(), pull{})
		if err != nil {
			t.Fatalf("memory came back: %v", err)
		}
		next.shrink(10)
		next.shrink(50) // grows nothing
		if left, err := take(a.answers, 190); err != nil {
			t.Error(err)
		} else {
			left.shrink(0)
		}
		next.shrink(0)
	})
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
