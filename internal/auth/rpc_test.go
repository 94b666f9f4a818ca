package auth

import (
	"fmt"
	"testing"
	"time"
)

func TestNoncesAreSeenOnce(t *testing.T) {
	var n nonces
	at := time.Unix(1_700_000_000, 0)
	const window = 30 * time.Minute
	if !n.first("a", at, window) || n.first("a", at, window) {
		t.Fatal("a nonce opens once")
	}
	for i := range 200 { // whatever else comes in the meantime, for a whole window
		at = at.Add(window / 200)
		n.first(fmt.Sprint(i), at, window)
		if i < 199 && n.first("a", at, window) {
			t.Fatalf("the nonce opens again after %v", window*time.Duration(i)/200)
		}
	}
	at = at.Add(2 * window)
	if !n.first("a", at, window) {
		t.Error("a nonce is remembered for ever")
	}
}

func TestNoncesAreBounded(t *testing.T) {
	var n nonces
	at := time.Unix(1_700_000_000, 0)
	for i := range 3 * maxNonces {
		n.first(fmt.Sprint(i), at, time.Hour)
	}
	if got := len(n.now) + len(n.old); got > maxNonces {
		t.Errorf("%d nonces are kept", got)
	}
}
