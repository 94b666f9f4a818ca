package courier

import (
	"bytes"
	"compress/gzip"
	"context"
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
	"time"

	"github.com/sluicelog/sluice/internal/trail/bucket"
)

// validate checks the digests of a bucket as the validator of AWS does, from the newest to the oldest, and more: the hash of the digest before, and that no
// file is listed twice. It returns the files that digests list.
func validate(objects map[string]bucket.Object, name string, keys []Pair) (files map[string]bool, err error) {
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
		if previous = ""; d.PreviousObject != nil {
			previous = *d.PreviousObject
			before, ok := objects[previous]
			if !ok {
				return nil, fmt.Errorf("digest %s is missing", previous)
			}
			if sum := sumOf(inflated(before.Body)); sum != *d.PreviousHashValue {
				return nil, fmt.Errorf("digest %s has another hash than the one after it says", previous)
			}
			if before.Metadata["signature"] != *d.PreviousSignature {
				return nil, fmt.Errorf("digest %s has another signature than the one after it says", previous)
			}
		}
	}
	if previous != "" {
		return nil, fmt.Errorf("digest %s is missing", previous)
	}
	return files, nil
}

func readDigest(objects map[string]bucket.Object, name, key string, keys []Pair) (d digestBody, err error) {
	o := objects[key]
	body := inflated(o.Body)
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
	if d.PreviousSignature != nil {
		before = *d.PreviousSignature
	}
	text := d.DigestEndTime + "\n" + name + "/" + key + "\n" + sumOf(body) + "\n" + before
	return d, checkSignature(text, o.Metadata["signature"], d.PublicKeyFingerprint, keys)
}

func checkSignature(text, signature, fingerprint string, keys []Pair) error {
	raw, err := hex.DecodeString(signature)
	if err != nil {
		return err
	}
	for _, p := range keys {
		sum := md5.Sum(p.Public) //nolint:gosec // see above
		if hex.EncodeToString(sum[:]) != fingerprint {
			continue
		}
		public, err := x509.ParsePKCS1PublicKey(p.Public)
		if err != nil {
			return err
		}
		hash := sha256.Sum256([]byte(text))
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, hash[:], raw)
	}
	return fmt.Errorf("key %s is not among %d keys", fingerprint, len(keys))
}

func checkListed(objects map[string]bucket.Object, f digestLog) error {
	o, ok := objects[f.S3Object]
	if !ok {
		return fmt.Errorf("file %s is missing", f.S3Object)
	}
	if sumOf(inflated(o.Body)) != f.HashValue {
		return fmt.Errorf("file %s has another hash", f.S3Object)
	}
	return nil
}

func sumOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// inflated is what is in gzip, nil where that is damaged or has something behind its end.
func inflated(body []byte) []byte {
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

// all are the keys that were ever valid.
func allKeys(ctx context.Context, k *Keys) ([]Pair, error) {
	return k.Valid(ctx, time.Time{}, time.Unix(1<<40, 0))
}
