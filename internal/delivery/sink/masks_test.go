package sink_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Whatever a destination repeats of the secrets it was sent is hidden, and the error means the same as before.
func TestMasks(t *testing.T) {
	const token, other = `hunter2 "x"/`, "hunter2 longer"
	m := sink.NewMasks(map[string]string{"token": token, "headers.a": other, "headers.b": "abc", "headers.c": ""})
	shown := []string{
		token, other, `hunter2+%22x%22%2F`, `hunter2%20%22x%22%2F`, `hunter2 \"x\"/`, "aHVudGVyMiAieCIv",
	}
	for _, text := range shown {
		said := "answered 400: you sent " + text + ", sir"
		if got := m.Text(said); got != "answered 400: you sent "+sink.Mask+", sir" {
			t.Errorf("%s is shown as %s", said, got)
		}
		for _, err := range []error{
			&sink.Refused{First: 3, Count: 2, Reason: said},
			&sink.Halt{Reason: said, Err: errors.New(said)},
			&sink.Later{After: time.Minute, Err: errors.New(said)},
			fmt.Errorf("%w: %s", sink.ErrTooLarge, said),
			errors.New(said),
			sluice.Errorf(sluice.Conflict, "thing", "it is said: %s", said),
		} {
			got := m.Err(fmt.Errorf("send: %w", err))
			for e := got; e != nil; e = errors.Unwrap(e) {
				if strings.Contains(fmt.Sprint(e), "hunter2") && got.Error() == e.Error() {
					t.Errorf("%v shows a secret", e)
				}
			}
			var refused *sink.Refused
			var halt *sink.Halt
			var later *sink.Later
			switch {
			case errors.As(err, &refused):
				if !errors.As(got, &refused) || refused.First != 3 || refused.Count != 2 || strings.Contains(refused.Reason, "hunter2") {
					t.Errorf("%v became %#v", err, got)
				}
			case errors.As(err, &halt):
				if !errors.As(got, &halt) || strings.Contains(halt.Reason, "hunter2") {
					t.Errorf("%v became %#v", err, got)
				}
			case errors.As(err, &later):
				if !errors.As(got, &later) || later.After != time.Minute {
					t.Errorf("%v became %#v", err, got)
				}
			case sluice.KindOf(err) == sluice.Conflict:
				var told *sluice.Error
				if !errors.As(got, &told) || told.Kind != sluice.Conflict || told.Noun != "thing" || strings.Contains(told.Msg, "hunter2") {
					t.Errorf("%v became %#v", err, got)
				}
			case errors.Is(err, sink.ErrTooLarge) && !errors.Is(got, sink.ErrTooLarge):
				t.Errorf("%v became %v", err, got)
			}
		}
	}
	plain := errors.New("abc is a part of the alphabet")
	if got := m.Err(plain); !errors.Is(got, plain) || got.Error() != plain.Error() {
		t.Errorf("%v became %v", plain, got)
	}
	if m.Err(nil) != nil || (sink.Masks{}).Text("x") != "x" {
		t.Error("nothing became something")
	}
}
