// Package objectstest holds the promises of [objects.Store] as tests that every implementation passes.
package objectstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/objects"
)

// Run runs the suite. open returns an empty store, which it closes by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) objects.Store) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, objects.Store)
	}{
		{"put and get", testPutGet},
		{"an object appears at commit", testCommit},
		{"abort leaves nothing", testAbort},
		{"one of many wins a new name", testPutNew},
		{"ranges", testRanges},
		{"lists are ordered and paged", testList},
		{"delete", testDelete},
		{"replacing is one step", testReplace},
		{"names that escape are refused", testNames},
		{"a context that is done stops", testContext},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func put(t *testing.T, s objects.Store, name, data string) {
	t.Helper()
	if err := s.Put(t.Context(), name, []byte(data)); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, s objects.Store, name string) string {
	t.Helper()
	size, err := s.Size(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, size)
	if err := s.Get(t.Context(), name, p, 0); err != nil {
		t.Fatal(err)
	}
	return string(p)
}

func wantAbsent(t *testing.T, s objects.Store, name string) {
	t.Helper()
	if _, err := s.Size(t.Context(), name); !errors.Is(err, objects.ErrNotFound) {
		t.Errorf("size of %s: got error %v, want ErrNotFound", name, err)
	}
	if err := s.Get(t.Context(), name, make([]byte, 1), 0); !errors.Is(err, objects.ErrNotFound) {
		t.Errorf("get %s: got error %v, want ErrNotFound", name, err)
	}
	if got := list(t, s, name, "", 10); len(got) != 0 {
		t.Errorf("list shows %v, want nothing", got)
	}
}

func list(t *testing.T, s objects.Store, prefix, after string, limit int) []string {
	t.Helper()
	entries, err := s.List(t.Context(), prefix, after, limit)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if got := content(t, s, e.Name); int64(len(got)) != e.Size {
			t.Errorf("list says that %s has %d bytes, it has %d", e.Name, e.Size, len(got))
		}
		names = append(names, e.Name)
	}
	return names
}

func testPutGet(t *testing.T, s objects.Store) {
	for _, data := range []string{"", "x", strings.Repeat("0123456789", 1<<17)} {
		put(t, s, "a/b-1/c_2.d=e", data)
		if got := content(t, s, "a/b-1/c_2.d=e"); got != data {
			t.Errorf("put %d bytes, got %d others", len(data), len(got))
		}
	}
}

func testCommit(t *testing.T, s objects.Store) {
	w, err := s.Create(t.Context(), "d/streamed")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	var want bytes.Buffer
	for i := range 50 {
		piece := bytes.Repeat([]byte{byte(i)}, i*997)
		want.Write(piece)
		if n, err := w.Write(piece); n != len(piece) || err != nil {
			t.Fatalf("wrote %d of %d bytes: %v", n, len(piece), err)
		}
	}
	wantAbsent(t, s, "d/streamed")
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := content(t, s, "d/streamed"); got != want.String() {
		t.Errorf("got %d bytes that differ from the %d written", len(got), want.Len())
	}
	w.Abort()
	if got := content(t, s, "d/streamed"); got != want.String() {
		t.Error("abort after commit changed the object")
	}
	if err := w.Commit(t.Context()); err == nil {
		t.Error("a second commit reports success")
	}
}

func testAbort(t *testing.T, s objects.Store) {
	w, err := s.Create(t.Context(), "d/aborted")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	w.Abort()
	if err := w.Commit(t.Context()); err == nil {
		t.Error("commit after abort reports success")
	}
	wantAbsent(t, s, "d/aborted")
}

func testPutNew(t *testing.T, s objects.Store) {
	const n = 8
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = s.PutNew(t.Context(), "one", fmt.Append(nil, i)) })
	}
	all.Wait()
	won := slices.Index(errs, nil)
	for i, err := range errs {
		if i != won && !errors.Is(err, objects.ErrExists) {
			t.Errorf("put %d: got error %v, want ErrExists", i, err)
		}
	}
	if won < 0 {
		t.Fatal("nobody won")
	}
	if got := content(t, s, "one"); got != fmt.Sprint(won) {
		t.Errorf("put %d won, the object is from %s", won, got)
	}
	if err := s.Delete(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	if err := s.PutNew(t.Context(), "one", []byte("again")); err != nil {
		t.Errorf("the name is free again, but: %v", err)
	}
}

func testRanges(t *testing.T, s objects.Store) {
	put(t, s, "r", "0123456789")
	for _, c := range []struct {
		off  int64
		n    int
		want string // "" if the range is outside
	}{
		{0, 10, "0123456789"},
		{3, 4, "3456"},
		{9, 1, "9"},
		{9, 2, ""},
		{10, 1, ""},
		{1 << 40, 1, ""},
		{-1, 1, ""},
	} {
		p := make([]byte, c.n)
		err := s.Get(t.Context(), "r", p, c.off)
		if c.want == "" {
			if !errors.Is(err, objects.ErrRange) {
				t.Errorf("%d bytes at %d: got error %v, want ErrRange", c.n, c.off, err)
			}
		} else if err != nil || string(p) != c.want {
			t.Errorf("%d bytes at %d: got %q, %v, want %q", c.n, c.off, p, err, c.want)
		}
	}
}

func testList(t *testing.T, s objects.Store) {
	all := []string{"a/1", "a/10", "a/2/x", "a/2/y", "a/3", "ab", "b/1"}
	for _, i := range []int{3, 1, 6, 0, 5, 2, 4} {
		put(t, s, all[i], strings.Repeat("x", i))
	}
	for _, c := range []struct {
		prefix, after string
		limit         int
		want          []string
	}{
		{"", "", 100, all},
		{"a/", "", 100, all[:5]},
		{"a", "", 100, all[:6]},
		{"a/1", "", 100, []string{"a/1", "a/10"}},
		{"a/2/", "", 100, []string{"a/2/x", "a/2/y"}},
		{"a/2/x", "", 100, []string{"a/2/x"}},
		{"c/", "", 100, nil},
		{"", "a/2/x", 2, []string{"a/2/y", "a/3"}},
		{"a/", "a/3", 100, nil},
		{"", "", 1, []string{"a/1"}},
	} {
		if diff := cmp.Diff(c.want, list(t, s, c.prefix, c.after, c.limit)); diff != "" {
			t.Errorf("list %q after %q, %d (-want +got):\n%s", c.prefix, c.after, c.limit, diff)
		}
	}
}

func testDelete(t *testing.T, s objects.Store) {
	put(t, s, "d/x", "x")
	put(t, s, "d/y", "y")
	if got := content(t, s, "d/x"); got != "x" {
		t.Fatalf("got %q", got)
	}
	for range 2 {
		if err := s.Delete(t.Context(), "d/x"); err != nil {
			t.Fatal(err)
		}
	}
	wantAbsent(t, s, "d/x")
	if got := content(t, s, "d/y"); got != "y" {
		t.Errorf("the neighbour is %q now", got)
	}
}

// testReplace reads an object again and again while it is replaced: every read sees one version whole.
func testReplace(t *testing.T, s objects.Store) {
	const size, versions = 1 << 16, 40
	version := func(i int) []byte { return bytes.Repeat([]byte{byte('A' + i)}, size) }
	put(t, s, "v", string(version(0)))
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			p := make([]byte, size)
			for {
				if err := s.Get(t.Context(), "v", p, 0); err != nil {
					t.Errorf("while replaced: %v", err)
				} else if !bytes.Equal(p, bytes.Repeat(p[:1], size)) {
					t.Error("a read saw two versions")
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range versions {
		put(t, s, "v", string(version(i)))
	}
	close(done)
	readers.Wait()
	if got := content(t, s, "v"); got != string(version(versions-1)) {
		t.Errorf("the last version put is not the one there: %q…", got[:1])
	}
}

func testNames(t *testing.T, s objects.Store) {
	for _, name := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", ".hidden", "a/.hidden", "a b", "a\x00b", `a\b`, "é", "a\n",
		strings.Repeat("x", objects.MaxName+1),
	} {
		_, createErr := s.Create(t.Context(), name)
		_, sizeErr := s.Size(t.Context(), name)
		for what, err := range map[string]error{
			"create": createErr, "size": sizeErr,
			"put":     s.Put(t.Context(), name, nil),
			"put new": s.PutNew(t.Context(), name, nil),
			"get":     s.Get(t.Context(), name, nil, 0),
			"delete":  s.Delete(t.Context(), name),
		} {
			if !errors.Is(err, objects.ErrName) {
				t.Errorf("%s %q: got error %v, want ErrName", what, name, err)
			}
		}
	}
}

func testContext(t *testing.T, s objects.Store) {
	put(t, s, "c", "x")
	ctx, cancel := context.WithCancel(t.Context())
	w, err := s.Create(ctx, "w")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	cancel()
	if err := w.Commit(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: got error %v, want Canceled", err)
	}
	if err := s.Put(ctx, "n", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("put: got error %v, want Canceled", err)
	}
	if err := s.Get(ctx, "c", make([]byte, 1), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("get: got error %v, want Canceled", err)
	}
	if err := s.Delete(ctx, "c"); !errors.Is(err, context.Canceled) {
		t.Errorf("delete: got error %v, want Canceled", err)
	}
	w.Abort()
	if got := list(t, s, "", "", 10); !slices.Equal(got, []string{"c"}) {
		t.Errorf("there are %v, want c alone", got)
	}
}
