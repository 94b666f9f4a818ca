package courier

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/sluicelog/sluice/internal/trail/bucket"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// digestBody is a digest, its members in the order of the service (reference audit 1.3). Those that say null say it: the validator of AWS reads them.
type digestBody struct {
	AWSAccountID          string      `json:"awsAccountId"`
	DigestStartTime       string      `json:"digestStartTime"`
	DigestEndTime         string      `json:"digestEndTime"`
	DigestS3Bucket        string      `json:"digestS3Bucket"`
	DigestS3Object        string      `json:"digestS3Object"`
	PublicKeyFingerprint  string      `json:"digestPublicKeyFingerprint"`
	SignatureAlgorithm    string      `json:"digestSignatureAlgorithm"`
	NewestEventTime       *string     `json:"newestEventTime"`
	OldestEventTime       *string     `json:"oldestEventTime"`
	PreviousBucket        *string     `json:"previousDigestS3Bucket"`
	PreviousObject        *string     `json:"previousDigestS3Object"`
	PreviousHashValue     *string     `json:"previousDigestHashValue"`
	PreviousHashAlgorithm *string     `json:"previousDigestHashAlgorithm"`
	PreviousSignature     *string     `json:"previousDigestSignature"`
	LogFiles              []digestLog `json:"logFiles"`
}

type digestLog struct {
	S3Bucket        string `json:"s3Bucket"`
	S3Object        string `json:"s3Object"`
	HashValue       string `json:"hashValue"`
	HashAlgorithm   string `json:"hashAlgorithm"`
	NewestEventTime string `json:"newestEventTime"`
	OldestEventTime string `json:"oldestEventTime"`
}

const (
	signatureAlgorithm = "SHA256withRSA"
	hashAlgorithm      = "SHA-256"
)

// maxListed is how many files a digest lists: it is made early when there are so many.
const maxListed = 2000

// digest delivers the digest that is due, if one is. ending says that the trail is over and all its files are delivered.
func (r *route) digest(ctx context.Context, a *trails.Active, ending bool) error {
	s := r.state
	if s.Chain == nil {
		return nil
	}
	ending = ending || !a.Validation
	c := *s.Chain
	if c.End.IsZero() || c.Bucket != a.Bucket || c.Key != r.c.digestKey(a, c.End) { // none is begun, or the trail has another destination by now
		now := r.second()
		due := !now.Before(c.Start.Add(r.c.o.DigestEvery)) || len(s.Files) >= maxListed || ending
		if !due || !now.After(c.Start) {
			return nil
		}
		pair, err := r.c.o.Keys.Current(ctx)
		if err != nil {
			return err
		}
		c.End, c.Bucket, c.Key, c.Files, c.Signer = now, a.Bucket, r.c.digestKey(a, now), len(s.Files), pair.Fingerprint
		s.Chain = &c
		if err := r.save(ctx, s); err != nil {
			return err
		}
	}
	return r.putDigest(ctx, a, ending)
}

// putDigest delivers the digest that is begun.
func (r *route) putDigest(ctx context.Context, a *trails.Active, ending bool) error {
	s := r.state
	c := *s.Chain
	pair, err := r.c.o.Keys.Pair(ctx, c.Signer)
	if err != nil {
		return err
	}
	body := digestOf(&c, s.Files[:c.Files], r.c.trails.Alias(a.Account))
	sum := sha256.Sum256(body)
	done := &link{Bucket: c.Bucket, Key: c.Key, Sum: hex.EncodeToString(sum[:]), End: c.End}
	if done.Signature, err = pair.sign(stringToSign(&c, done.Sum)); err != nil {
		return err
	}
	err = r.c.o.S3.Put(ctx, c.Bucket, bucket.Object{
		Key: c.Key, Body: zipped(body), Metadata: map[string]string{"signature": done.Signature, "signature-algorithm": signatureAlgorithm},
	})
	if err != nil {
		now := r.state
		now.Progress.DigestError, now.Progress.DigestDetail = code(err)
		return errors.Join(err, r.save(ctx, now))
	}
	r.c.tell(a, "TrailDigestDelivered", map[string]any{
		"trail": a.Name, "bucket": c.Bucket, "object": c.Key, "hash": done.Sum, "signature": done.Signature, "files": c.Files,
	})
	s.Newest, s.Files = done, s.Files[c.Files:]
	s.Progress.DigestDelivered, s.Progress.DigestError, s.Progress.DigestDetail = r.c.o.Now().UTC(), "", ""
	if s.Chain = (&chain{Start: c.End, Previous: done}); ending && len(s.Files) == 0 {
		s.Chain = nil
	}
	r.c.metrics.digests.Inc()
	return r.save(ctx, s)
}

// digestOf is the digest of a chain's interval, as it is signed.
func digestOf(c *chain, files []listed, account string) []byte {
	d := digestBody{
		AWSAccountID: account, DigestStartTime: second(c.Start), DigestEndTime: second(c.End), DigestS3Bucket: c.Bucket, DigestS3Object: c.Key,
		PublicKeyFingerprint: c.Signer, SignatureAlgorithm: signatureAlgorithm, LogFiles: []digestLog{},
	}
	if p := c.Previous; p != nil {
		algorithm := hashAlgorithm
		d.PreviousBucket, d.PreviousObject, d.PreviousHashValue, d.PreviousHashAlgorithm, d.PreviousSignature = &p.Bucket, &p.Key, &p.Sum, &algorithm, &p.Signature
	}
	var oldest, newest time.Time
	for i, f := range files {
		if i == 0 || f.Oldest.Before(oldest) {
			oldest = f.Oldest
		}
		if f.Newest.After(newest) {
			newest = f.Newest
		}
		d.LogFiles = append(d.LogFiles, digestLog{f.Bucket, f.Key, f.Sum, hashAlgorithm, second(f.Newest), second(f.Oldest)})
	}
	if len(files) > 0 {
		first, last := second(oldest), second(newest)
		d.OldestEventTime, d.NewestEventTime = &first, &last
	}
	body, _ := json.Marshal(d) // of texts
	return body
}

// stringToSign is what the signature of a digest covers: its end, its place, its content and the signature of the one before.
func stringToSign(c *chain, sum string) string {
	previous := "null"
	if c.Previous != nil {
		previous = c.Previous.Signature
	}
	return second(c.End) + "\n" + c.Bucket + "/" + c.Key + "\n" + sum + "\n" + previous
}

func second(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func zipped(body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(body) // into memory
	_ = z.Close()
	return b.Bytes()
}
