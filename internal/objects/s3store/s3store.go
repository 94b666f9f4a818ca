// Package s3store keeps objects in a bucket of any service that speaks the S3 protocol.
//
//	Put ──────────────────> PutObject          Create ──Write──> parts of 8 MiB ──Commit──> CompleteMultipartUpload
//	PutNew ─If-None-Match─> PutObject                  └─ less than one part ──Commit──> PutObject
//	Get ──Range──> GetObject, begun again where the connection broke      List ──> ListObjectsV2, page by page
//
// Invariants:
//   - What a request said yes to is durable: the service's promise. An upload that was not completed is not there.
//   - The service checks the MD5 of every body it takes, so that what it keeps is what was sent.
//   - Memory of a Writer is one part, whatever the object's size.
//   - PutNew is not sent again after an answer was lost: the second could be told "exists" by the first.
//
// One process writes below a prefix. Uploads that a crash left there are removed by [Open].
package s3store

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/sluicelog/sluice/internal/objects"
)

// Options of a store. The zero value of a field means the default in brackets.
type Options struct {
	Endpoint        string // [that of AWS in the region] http or https URL of the service
	Region          string // [us-east-1]
	Bucket          string // has to exist
	Prefix          string // [none] of the names in the bucket, ending in a slash
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	VirtualHost     bool         // address the bucket as BUCKET.ENDPOINT, not as ENDPOINT/BUCKET
	Encrypt         bool         // ask for SSE-S3: the service encrypts with keys of its own
	Client          *http.Client // [one with timeouts] for tests
	Attempts        int          // [4] of a request that may be repeated
	PartBytes       int          // [8 MiB] 5 MiB at least but for tests
}

func (o Options) withDefaults() Options {
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Attempts == 0 {
		o.Attempts = 4
	}
	if o.PartBytes == 0 {
		o.PartBytes = 8 << 20
	}
	return o
}

// Store is a [objects.Store] in a bucket. It is safe for concurrent use.
type Store struct {
	client *s3.Client
	o      Options
}

var _ objects.Store = (*Store)(nil)

// Open makes sure that the bucket can be listed, and removes uploads that a crash left below the prefix.
func Open(ctx context.Context, o Options) (*Store, error) {
	o = o.withDefaults()
	s := &Store{client: newClient(o), o: o}
	if err := s.removeUploads(ctx); err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", o.Bucket, plain(err))
	}
	return s, nil
}

func newClient(o Options) *s3.Client {
	so := s3.Options{
		Region:           o.Region,
		UsePathStyle:     !o.VirtualHost,
		Credentials:      credentials.NewStaticCredentialsProvider(o.AccessKeyID, o.SecretAccessKey, o.SessionToken),
		RetryMaxAttempts: o.Attempts,
		// Checksums in trailers are newer than many services; an MD5 of the body, which we send, is understood by all.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.ResponseHeaderTimeout = 30 * time.Second
			t.MaxIdleConnsPerHost = 16
		}),
	}
	if o.Endpoint != "" {
		so.BaseEndpoint = aws.String(o.Endpoint)
	}
	if o.Client != nil {
		so.HTTPClient = o.Client
	}
	return s3.New(so)
}

// key is the name of an object in the bucket.
func (s *Store) key(name string) *string { return aws.String(s.o.Prefix + name) }

func (s *Store) encryption() types.ServerSideEncryption {
	if s.o.Encrypt {
		return types.ServerSideEncryptionAes256
	}
	return ""
}

// check is made before anything is sent.
func check(ctx context.Context, name string) error {
	if err := objects.CheckName(name); err != nil {
		return err
	}
	return ctx.Err()
}

// Size implements [objects.Store].
func (s *Store) Size(ctx context.Context, name string) (int64, error) {
	err := check(ctx, name)
	if err == nil {
		var head *s3.HeadObjectOutput
		if head, err = s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.o.Bucket, Key: s.key(name)}); err == nil {
			return aws.ToInt64(head.ContentLength), nil
		}
	}
	return 0, fmt.Errorf("size of object %.80q: %w", name, plain(err))
}

// Delete implements [objects.Store].
func (s *Store) Delete(ctx context.Context, name string) error {
	err := check(ctx, name)
	if err == nil {
		_, err = s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.o.Bucket, Key: s.key(name)})
		err = plain(err)
	}
	if err != nil && !errors.Is(err, objects.ErrNotFound) {
		return fmt.Errorf("delete object %.80q: %w", name, err)
	}
	return nil
}

// maxList is what the service lists at once.
const maxList = 1000

// List implements [objects.Store].
func (s *Store) List(ctx context.Context, prefix, after string, limit int) ([]objects.Entry, error) {
	in := &s3.ListObjectsV2Input{Bucket: &s.o.Bucket, Prefix: s.key(prefix)}
	if after != "" {
		in.StartAfter = s.key(after)
	}
	var entries []objects.Entry
	for len(entries) < limit {
		in.MaxKeys = aws.Int32(int32(min(limit-len(entries), maxList)))
		page, err := s.client.ListObjectsV2(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list objects %.80q: %w", prefix, plain(err))
		}
		for _, o := range page.Contents {
			name := strings.TrimPrefix(aws.ToString(o.Key), s.o.Prefix)
			if objects.CheckName(name) == nil { // others are not ours
				entries = append(entries, objects.Entry{Name: name, Size: aws.ToInt64(o.Size)})
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			break
		}
		in.ContinuationToken = page.NextContinuationToken
	}
	return entries, nil
}

// removeUploads aborts all uploads below the prefix.
func (s *Store) removeUploads(ctx context.Context) error {
	in := &s3.ListMultipartUploadsInput{Bucket: &s.o.Bucket, Prefix: &s.o.Prefix}
	for {
		page, err := s.client.ListMultipartUploads(ctx, in)
		if err != nil {
			return err
		}
		for _, u := range page.Uploads {
			_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.o.Bucket, Key: u.Key, UploadId: u.UploadId})
			if err != nil && !errors.Is(plain(err), objects.ErrNotFound) {
				return err
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			return nil
		}
		in.KeyMarker, in.UploadIdMarker = page.NextKeyMarker, page.NextUploadIdMarker
	}
}

// plain gives an error of the service the meaning that callers branch on.
func plain(err error) error {
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) {
		return err
	}
	var means error
	switch answer.HTTPStatusCode() {
	case http.StatusNotFound:
		if means = objects.ErrNotFound; isBucket(err) {
			return err
		}
	case http.StatusRequestedRangeNotSatisfiable:
		means = objects.ErrRange
	case http.StatusPreconditionFailed:
		means = objects.ErrExists
	default:
		return err
	}
	return fmt.Errorf("%w: %w", means, err)
}

// isBucket reports whether it is the bucket that does not exist, which must not be taken for a missing object.
func isBucket(err error) bool {
	var code interface{ ErrorCode() string }
	return errors.As(err, &code) && code.ErrorCode() == "NoSuchBucket"
}

func md5Of(data []byte) *string {
	sum := md5.Sum(data)
	return aws.String(base64.StdEncoding.EncodeToString(sum[:]))
}

// once is for requests that must not be sent again.
func once(o *s3.Options) { o.Retryer = retry.AddWithMaxAttempts(o.Retryer, 1) }
