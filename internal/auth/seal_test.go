package auth

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func newKeyring(t *testing.T) *Keyring {
	t.Helper()
	k, err := LoadOrCreateKeyring(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealOpen(t *testing.T) {
	k := newKeyring(t)
	for _, secret := range []string{"", "s", "\x00\xff", strings.Repeat("long", 10000)} {
		sealed := k.Seal([]byte(secret), "secret", "id")
		if got, err := k.Open(sealed, "secret", "id"); err != nil || string(got) != secret {
			t.Errorf("a secret of %d bytes came back with %d and error %v", len(secret), len(got), err)
		}
		if len(secret) > 1 && bytes.Contains(sealed, []byte(secret)) {
			t.Error("a sealed secret is in clear")
		}
	}
	if bytes.Equal(k.Seal([]byte("s"), "secret", "id"), k.Seal([]byte("s"), "secret", "id")) {
		t.Error("two seals of a secret are equal: the nonce was used twice")
	}
}

func TestOpenRefusesEverythingElse(t *testing.T) {
	k := newKeyring(t)
	sealed := k.Seal([]byte("hush"), "secret", "id")
	refused := func(what string, k *Keyring, sealed []byte, purpose, owner string) {
		t.Helper()
		got, err := k.Open(sealed, purpose, owner)
		if err == nil {
			t.Errorf("%s: opened as %q", what, got)
		} else if strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: the error holds the secret: %v", what, err)
		}
	}
	refused("another owner", k, sealed, "secret", "id2")
	refused("another purpose", k, sealed, "token", "id")
	refused("another key", newKeyring(t), sealed, "secret", "id")
	for i := range sealed {
		refused("cut", k, sealed[:i], "secret", "id")
		flipped := bytes.Clone(sealed)
		flipped[i] ^= 1
		refused("flipped", k, flipped, "secret", "id")
	}
	refused("longer", k, append(bytes.Clone(sealed), 0), "secret", "id")
}

func TestKeyFileIsMadeOnceAndPrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	var rings [4]*Keyring
	var wait sync.WaitGroup
	for i := range rings {
		wait.Go(func() {
			var err error
			if rings[i], err = LoadOrCreateKeyring(path); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		return
	}
	sealed := rings[0].Seal([]byte("s"), "secret", "id")
	for _, k := range rings[1:] {
		if _, err := k.Open(sealed, "secret", "id"); err != nil {
			t.Errorf("two starts at once made two keys: %v", err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("got mode %v and error %v, want 0600", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("got files %v, want the key file alone", entries)
	}
}

func TestKeyFileRefused(t *testing.T) {
	good := strings.Repeat("0f", 32)
	for _, c := range []struct {
		name string
		text string
		mode os.FileMode
		want string
	}{
		{"readable by the group", good, 0o640, "0640"},
		{"readable by all", good, 0o604, "0604"},
		{"empty", "", 0o600, "64 hexadecimal digits"},
		{"short", good[2:], 0o600, "64 hexadecimal digits"},
		{"long", good + "00", 0o600, "64 hexadecimal digits"},
		{"not hexadecimal", "zz" + good[2:], 0o600, "hexadecimal digits"},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadOrCreateKeyring(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got error %v, want one with %q and the path", c.name, err, c.want)
		} else if strings.Contains(err.Error(), good[2:]) {
			t.Errorf("%s: the error holds the key", c.name)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != c.text {
			t.Errorf("%s: the file was changed", c.name)
		}
	}
	if _, err := LoadOrCreateKeyring(t.TempDir()); err == nil {
		t.Error("a directory passed for a key file")
	}
	if _, err := LoadOrCreateKeyring(filepath.Join(t.TempDir(), "no", "key")); err == nil {
		t.Error("a key file was made in a directory that does not exist")
	}
}
