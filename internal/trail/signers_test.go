package trail

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// secret is the n-th key of a test.
func secret(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func public(n byte) ed25519.PublicKey { return secret(n).Public().(ed25519.PublicKey) }

// handover is one by key n to another, at a place.
func handover(by, to byte, seq uint64) *Anchor {
	a := &Anchor{Head: Head{Seq: seq, Chain: Hash{byte(seq)}}, Time: time.UnixMilli(1_700_000_000_000).UTC(), Next: public(to)}
	a.Sign(secret(by))
	return a
}

// Of keys that metadata names, those count that are vouched for by the one before, up to the first that is not.
func TestKeysThatFollow(t *testing.T) {
	unsigned, short := handover(1, 2, 5), handover(1, 2, 5)
	unsigned.Signature[0]++
	short.Next = short.Next[:31]
	short.Sign(secret(1))
	f := func(why string, keys Keys, want int, complaint string) {
		t.Helper()
		s, errs := newSigners(keys, nil)
		if len(s.list) != want || (len(errs) > 0) != (complaint != "") || len(errs) > 0 && !strings.Contains(errors.Join(errs...).Error(), complaint) {
			t.Errorf("%s: %d keys, %v, want %d and %q", why, len(s.list), errs, want, complaint)
		}
	}
	f("none", nil, 0, "")
	f("one", Keys{{public(1), nil}}, 1, "")
	f("three", Keys{{public(1), nil}, {public(2), handover(1, 2, 5)}, {public(3), handover(2, 3, 6)}}, 3, "")
	f("no handover", Keys{{public(1), nil}, {public(2), nil}}, 1, "by nobody")
	f("a handover to another", Keys{{public(1), nil}, {public(2), handover(1, 3, 5)}}, 1, "by nobody")
	f("a handover by itself", Keys{{public(1), nil}, {public(2), handover(2, 2, 5)}}, 1, "and the one before it is")
	f("a handover by the one before last", Keys{{public(1), nil}, {public(2), handover(1, 2, 5)}, {public(3), handover(1, 3, 6)}}, 2, "and the one before it is")
	f("a handover that is not signed", Keys{{public(1), nil}, {public(2), unsigned}}, 1, "does not hold")
	f("a handover to half a key", Keys{{public(1), nil}, {short.Next, short}}, 1, "31 bytes")
	f("a handover at the beginning", Keys{{public(1), nil}, {public(2), handover(1, 2, 0)}}, 1, "had not begun")
	f("a handover before the last one", Keys{{public(1), nil}, {public(2), handover(1, 2, 5)}, {public(3), handover(2, 3, 5)}}, 2, "had not begun")
	f("back to the first", Keys{{public(1), nil}, {public(2), handover(1, 2, 5)}, {public(1), handover(2, 1, 6)}}, 2, "upon itself")
	f("what follows upon what does not", Keys{{public(1), nil}, {public(2), nil}, {public(3), handover(2, 3, 6)}}, 1, "by nobody")
}

// Each key signs for its span and for nothing else, and is trusted if it was given or follows upon one that was.
func TestSpansOfKeys(t *testing.T) {
	keys := Keys{{public(1), nil}, {public(2), handover(1, 2, 5)}, {public(3), handover(2, 3, 9)}}
	s, _ := newSigners(keys, []Fingerprint{FingerprintOf(public(2))})
	for i, want := range []bool{false, true, true} {
		if s.list[i].Trusted != want {
			t.Errorf("key %d is trusted: %v", i+1, !want)
		}
	}
	spans := [][2]uint64{{1, 4}, {6, 8}, {10, 20}} // of anchors that hand nothing over
	for n, span := range spans {
		for seq := uint64(1); seq <= 20; seq++ {
			a := &Anchor{Head: Head{Seq: seq}}
			a.Sign(secret(byte(n + 1)))
			if _, err := s.check(a); (err == nil) != (seq >= span[0] && seq <= span[1]) {
				t.Errorf("key %d at event %d: %v", n+1, seq, err)
			}
		}
	}
	if got := s.unpinned(); got != nil {
		t.Errorf("not there: %v", got)
	}
	for _, k := range keys[1:] {
		if _, err := s.check(k.Handover); err != nil {
			t.Error(err)
		}
	}
}

// What somebody knows beforehand comes from files and flags; a bad one is refused, and says what is wrong.
func TestKnown(t *testing.T) {
	dir := t.TempDir()
	a := Anchor{Head: Head{Seq: 7}, Time: time.UnixMilli(1_700_000_000_000).UTC()}
	a.Sign(secret(2))
	e, err := NewEvidence(Keys{{public(1), nil}, {public(2), handover(1, 2, 5)}}, a)
	if err != nil {
		t.Fatal(err)
	}
	if e.Signer() != FingerprintOf(public(2)) {
		t.Errorf("signed by %v", e.Signer())
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	evidence, key, none := file("evidence", string(text)), file("key", e.Keys[0].PEM), file("none", "x")
	f := func(why, evidence, key string, fingerprints []string, anchors int, pins ...byte) {
		t.Helper()
		g, err := Known(evidence, key, fingerprints)
		var want []Fingerprint
		for _, n := range pins {
			want = append(want, FingerprintOf(public(n)))
		}
		if err != nil || len(g.Anchors) != anchors || !slices.Equal(g.Pins, want) {
			t.Errorf("%s: %+v, %v", why, g, err)
		}
	}
	third := FingerprintOf(public(3)).String()
	f("nothing", "", "", nil, 0)
	f("an anchor, with the handover of its key", evidence, "", nil, 2, 1, 2)
	f("an anchor and a key", evidence, key, nil, 2, 1)
	f("a key and a fingerprint", "", key, []string{strings.ToUpper(third)}, 0, 3, 1)
	for _, bad := range [][3]string{{none}, {"", none}, {"", "", third[:63]}, {"", "", third[:63] + "x"}, {filepath.Join(dir, "nowhere")}, {"", filepath.Join(dir, "nowhere")}} {
		var list []string
		if bad[2] != "" {
			list = append(list, bad[2])
		}
		if g, err := Known(bad[0], bad[1], list); err == nil {
			t.Errorf("%q is %+v", bad, g)
		}
	}
}

// Whatever is said to be evidence, reading it and verifying with it ends, and it comes back as it was read.
func FuzzEvidence(f *testing.F) {
	a := Anchor{Head: Head{Seq: 7}}
	a.Sign(secret(2))
	e, err := NewEvidence(Keys{{public(1), nil}, {public(2), handover(1, 2, 5)}}, a)
	if err != nil {
		f.Fatal(err)
	}
	text, err := json.Marshal(e)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"anchor":{"seq":3,"next":"AAAA"},"keys":[]}`))
	f.Add(bytes.Replace(text, []byte(`"handover"`), []byte(`"handing"`), 1))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, keys, err := ParseEvidence(text)
		if err != nil {
			return
		}
		if r := NewVerifier(keys, nil, e.Anchor).Finish(); r.Good() && e.Anchor.Seq > 0 {
			t.Errorf("a record without events is good for an anchor at event %d", e.Anchor.Seq)
		}
		again, err := NewEvidence(keys, e.Anchor)
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(again)
		if err != nil {
			return // a time that JSON has no form for
		}
		if _, same, err := ParseEvidence(body); err != nil || !slices.Equal(same.Fingerprints(), keys.Fingerprints()) {
			t.Errorf("%s does not come back: %v", body, err)
		}
	})
}
