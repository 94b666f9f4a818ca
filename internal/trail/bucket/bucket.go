// Package bucket puts what trails deliver into buckets, by credentials of the operator: clients of trails name a bucket and nothing else.
//
//	Object ──S3.Put──> any service that speaks S3      Content-MD5, metadata, one request
//	       └─OSS.Put─> Alibaba Cloud OSS
//
// Invariants:
//   - A nil error means that the service has said yes to these very bytes: it compares their MD5.
//   - A put is one request, so that an object is there whole or not at all, and a put that is repeated replaces it with itself.
//   - What a service answered is a [Refusal] with its own code; no answer is another error.
package bucket

import (
	"context"
	"crypto/md5" //nolint:gosec // what the services check bodies with
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Object is what is put. Body is gzip of JSON, or empty.
type Object struct {
	Key      string
	Body     []byte
	Metadata map[string]string // of the user, in small letters
}

// Bucket puts objects. It is safe for concurrent use.
type Bucket interface {
	// Put puts an object into a bucket, in place of one of its key.
	Put(ctx context.Context, bucket string, o Object) error
}

// Refusal is a service's answer that is no yes.
type Refusal struct {
	Code   string // the service's, as it came: "NoSuchBucket"
	Status int    // of HTTP
	Detail string
}

func (r *Refusal) Error() string { return fmt.Sprintf("%s (%d): %s", r.Code, r.Status, r.Detail) }

// Dial connects to an address, if it may be connected to.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// patience is how long one put may take, whatever its size up to that of a log file.
const patience = 2 * time.Minute

// client is one that follows nobody elsewhere, keys in hand.
func client(dial Dial) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dial, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: time.Minute, IdleConnTimeout: 90 * time.Second, MaxIdleConnsPerHost: 4,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       patience,
	}
}

const (
	contentType     = "application/json"
	contentEncoding = "gzip"
)

func md5Of(body []byte) string {
	sum := md5.Sum(body) //nolint:gosec // see above
	return base64.StdEncoding.EncodeToString(sum[:])
}
