package auth

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

/*
Keyring seals secrets that have to come back in clear: signatures are checked with the secret itself, so a hash would not do.
It is safe for concurrent use.

A sealed secret, AES-256-GCM:

	0         1        13             13+n       29+n
	+---------+--------+---- ... ----+----------+
	| version | nonce  | ciphertext  | tag      |
	+---------+--------+---- ... ----+----------+

version is 1. The tag also covers the purpose for which the secret was sealed and the name of its owner, so that nobody who
can write the metadata makes one key's secret another's.
*/
type Keyring struct {
	aead cipher.AEAD
}

const (
	keySize       = 32
	sealedVersion = 1
)

var errUnsealed = errors.New("cannot be opened: sealed with another key file, or changed since")

// LoadOrCreateKeyring reads the key file at path, or makes one (mode 0600, in place only when whole and on disk). Whoever has
// this file and the metadata has every secret, so one that others than its owner may read is refused. Whoever loses it loses
// the secrets.
func LoadOrCreateKeyring(path string) (*Keyring, error) {
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = createKey(path); err == nil {
			key, err = readKey(path) // somebody else's, if they were faster
		}
	}
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Keyring{aead}, nil
}

func readKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a regular file")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("mode %#o lets others than its owner use it; set it to 0600", info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text = bytes.TrimSpace(text)
	key := make([]byte, keySize)
	if len(text) != hex.EncodedLen(keySize) {
		return nil, fmt.Errorf("does not hold %d hexadecimal digits", hex.EncodedLen(keySize))
	}
	if _, err := hex.Decode(key, text); err != nil {
		return nil, errors.New("does not hold hexadecimal digits") // the cause would quote some
	}
	return key, nil
}

// createKey writes a new key beside path and links it there, which fails where a file is by then: a key file is never
// replaced.
func createKey(path string) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	_, err = fmt.Fprintln(f, hex.EncodeToString(key))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Seal seals a secret for a purpose and an owner, such as "secret" and an access key id.
func (k *Keyring) Seal(secret []byte, purpose, owner string) []byte {
	sealed := make([]byte, 1+k.aead.NonceSize(), 1+k.aead.NonceSize()+len(secret)+k.aead.Overhead())
	sealed[0] = sealedVersion
	_, _ = rand.Read(sealed[1:]) // never fails
	return k.aead.Seal(sealed, sealed[1:], secret, binding(purpose, owner))
}

// Open returns what was sealed for this purpose and owner.
func (k *Keyring) Open(sealed []byte, purpose, owner string) ([]byte, error) {
	head := 1 + k.aead.NonceSize()
	if len(sealed) < head || sealed[0] != sealedVersion {
		return nil, fmt.Errorf("%s of %s %w", purpose, owner, errUnsealed)
	}
	secret, err := k.aead.Open(nil, sealed[1:head], sealed[head:], binding(purpose, owner))
	if err != nil {
		return nil, fmt.Errorf("%s of %s %w", purpose, owner, errUnsealed)
	}
	return secret, nil
}

func binding(purpose, owner string) []byte { return []byte(purpose + "\x00" + owner) }
