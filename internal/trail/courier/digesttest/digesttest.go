// Package digesttest checks digests of trails, from their bytes alone: it knows nothing of who writes them.
package digesttest

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/md5" //nolint:gosec // a fingerprint, as the service makes it
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Object is an object of a bucket.
type Object struct {
	Body      []byte
	Signature string // of its metadata
}

// digest is what a digest says, as far as it is looked at.
type digest struct {
	DigestStartTime, DigestEndTime, DigestS3Bucket, DigestS3Object, DigestPublicKeyFingerprint string

	PreviousDigestS3Object, PreviousDigestHashValue, PreviousDigestSignature *string

	LogFiles []logFile
}

type logFile struct{ S3Object, HashValue string }

// Check checks the digests of a bucket as the validator of AWS does, from the newest to the oldest, and more: the hash of the digest before, and that no
// file is listed twice. keys are public keys, PKCS #1. It returns the files that digests list.
func Check(name string, objects map[string]Object, keys [][]byte) (files map[string]bool, err error) {
	files = map[string]bool{}
	var digests []string
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		if strings.Contains(key, "/CloudTrail-Digest/") {
			digests = append(digests, key)
		}
	}
	slices.SortFunc(digests, func(a, b string) int { return strings.Compare(a[len(a)-24:], b[len(b)-24:]) }) // by their time, whatever their prefix
	previous, first := "", true
	for _, key := range slices.Backward(digests) {
		if !first && previous != "" && previous != key {
			return nil, fmt.Errorf("digest %s names %s before it, and before it is %s", digests[slices.Index(digests, key)+1], previous, key)
		}
		first = false
		d, err := readDigest(objects, name, key, keys)
		if err != nil {
			return nil, fmt.Errorf("digest %s: %w", key, err)
		}
		for _, f := range d.LogFiles {
			if files[f.S3Object] {
				return nil, fmt.Errorf("file %s is listed twice", f.S3Object)
			}
			files[f.S3Object] = true
			if err := checkListed(objects, f); err != nil {
				return nil, err
			}
		}
		if previous = ""; d.PreviousDigestS3Object != nil {
			previous = *d.PreviousDigestS3Object
			before, ok := objects[previous]
			if !ok {
				return nil, fmt.Errorf("digest %s is missing", previous)
			}
			if sum := sumOf(Inflated(before.Body)); sum != *d.PreviousDigestHashValue {
				return nil, fmt.Errorf("digest %s has another hash than the one after it says", previous)
			}
			if before.Signature != *d.PreviousDigestSignature {
				return nil, fmt.Errorf("digest %s has another signature than the one after it says", previous)
			}
		}
	}
	if previous != "" {
		return nil, fmt.Errorf("digest %s is missing", previous)
	}
	return files, nil
}

func readDigest(objects map[string]Object, name, key string, keys [][]byte) (d digest, err error) {
	o := objects[key]
	body := Inflated(o.Body)
	if err := json.Unmarshal(body, &d); err != nil {
		return d, err
	}
	if d.DigestS3Object != key || d.DigestS3Bucket != name {
		return d, fmt.Errorf("it says that it is %s/%s", d.DigestS3Bucket, d.DigestS3Object)
	}
	if !strings.HasSuffix(key, strings.NewReplacer("-", "", ":", "").Replace(d.DigestEndTime)+".json.gz") {
		return d, fmt.Errorf("it ends at %s", d.DigestEndTime)
	}
	if d.DigestStartTime >= d.DigestEndTime {
		return d, fmt.Errorf("it is from %s to %s", d.DigestStartTime, d.DigestEndTime)
	}
	before := "null"
	if d.PreviousDigestSignature != nil {
		before = *d.PreviousDigestSignature
	}
	text := d.DigestEndTime + "\n" + name + "/" + key + "\n" + sumOf(body) + "\n" + before
	return d, checkSignature(text, o.Signature, d.DigestPublicKeyFingerprint, keys)
}

func checkSignature(text, signature, fingerprint string, keys [][]byte) error {
	raw, err := hex.DecodeString(signature)
	if err != nil {
		return err
	}
	for _, der := range keys {
		sum := md5.Sum(der) //nolint:gosec // see above
		if hex.EncodeToString(sum[:]) != fingerprint {
			continue
		}
		public, err := x509.ParsePKCS1PublicKey(der)
		if err != nil {
			return err
		}
		hash := sha256.Sum256([]byte(text))
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, hash[:], raw)
	}
	return fmt.Errorf("key %s is not among %d keys", fingerprint, len(keys))
}

func checkListed(objects map[string]Object, f logFile) error {
	o, ok := objects[f.S3Object]
	if !ok {
		return fmt.Errorf("file %s is missing", f.S3Object)
	}
	if sumOf(Inflated(o.Body)) != f.HashValue {
		return fmt.Errorf("file %s has another hash", f.S3Object)
	}
	return nil
}

func sumOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// Inflated is what is in gzip, nil where that is damaged or has something behind its end.
func Inflated(body []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil
	}
	out, err := io.ReadAll(z)
	if err != nil {
		return nil
	}
	return out
}
