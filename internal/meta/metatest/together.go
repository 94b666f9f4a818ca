package metatest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// testTogether has many updates come at the same time, of which some fail in each way there is. What returned nil is there, in the store
// and in the one that is opened after it; of what did not, nothing is.
func testTogether(t *testing.T, opener Opener) {
	s := open(t, opener)
	update(t, s, createP)
	const writers, each = 16, 20
	var mu sync.Mutex
	var want []string
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				name := fmt.Sprintf("w%02d-%02d", w, i)
				if err := oneOfMany(s, name, (w+i)%7); err == nil {
					mu.Lock()
					want = append(want, name)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	slices.Sort(want)
	if n := len(want); n == 0 || n == writers*each {
		t.Errorf("%d of %d updates returned nil", n, writers*each)
	}
	names := func(tx meta.Tx) ([]string, error) { return tx.DocumentNames("p", "k") }
	wantSame(t, "what is there", read(t, s, names), want)
	closeStore(t, s)
	s = open(t, opener)
	defer closeStore(t, s)
	wantSame(t, "what is there after a restart", read(t, s, names), want)
}

var errOnPurpose = errors.New("on purpose")

// oneOfMany makes two documents, of which the second is half of the first, in a way that fails or not.
func oneOfMany(s meta.Store, name string, way int) (err error) {
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = errOnPurpose
		}
	}()
	return s.Update(running, func(tx meta.Tx) error {
		if err := tx.CreateDocument(meta.Document{Project: "p", Kind: "k", Name: name}); err != nil {
			return err
		}
		switch way {
		case 0:
			return errOnPurpose
		case 1:
			panic("on purpose")
		case 2:
			cancel()
		case 3: // fails, and bears it
			if err := tx.CreateDocument(meta.Document{Project: "p", Kind: "k", Name: name}); sluice.KindOf(err) != sluice.AlreadyExists {
				return errOnPurpose
			}
		}
		return nil
	})
}

// testTruthOfRefusals has updates make the same things at the same time. One does, and whoever hears that a thing is there can see it:
// an update is not refused for what another has not committed yet.
func testTruthOfRefusals(t *testing.T, opener Opener) {
	s := open(t, opener)
	defer closeStore(t, s)
	update(t, s, createP)
	for i := range 100 {
		name := fmt.Sprintf("same-%02d", i)
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				err := s.Update(context.Background(), func(tx meta.Tx) error {
					return tx.CreateDocument(meta.Document{Project: "p", Kind: "k", Name: name, Body: []byte("{}")})
				})
				if err != nil && sluice.KindOf(err) != sluice.AlreadyExists {
					t.Errorf("create %s: %v", name, err)
				}
				seen := s.View(context.Background(), func(tx meta.Tx) error {
					_, err := tx.Document("p", "k", name)
					return err
				})
				if seen != nil {
					t.Errorf("after %v, a view says: %v", err, seen)
				}
			})
		}
		wg.Wait()
	}
}
