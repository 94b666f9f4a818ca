// Package s3sink delivers batches as objects to buckets of AWS S3 and of services that speak its protocol.
//
//	payload ──up to 32 MiB──> PutObject, Content-MD5 ─────────────┐
//	   └─────larger─────────> parts of 16 MiB, Content-MD5 each ──┴──> ETag of what was sent ──> nil
//	                               └── any error ──> AbortMultipartUpload
//
// A body is read from the payload as often as needed, and never held in memory whole. Uploads that neither ended nor were aborted, since
// the server died, stay invisible; a lifecycle rule of the bucket removes them.
//
// It needs permission to s3:PutObject and s3:AbortMultipartUpload, nothing else: see [Policy]. So it cannot look at the bucket, and Check
// writes the object sluice-check.txt into the directory, the same one each time.
package s3sink

import (
	"context"
	"crypto/md5" //nolint:gosec // what S3 checks bodies with
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/sluicelog/sluice/internal/delivery/object"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Sizes of bodies that go out in parts, and of the parts. S3 allows 10,000 parts.
const (
	partFrom = 32 << 20
	partSize = 16 << 20
)

// Sink writes to one bucket.
type Sink struct {
	*object.Writer
	config    Config
	client    *s3.Client
	transport *http.Transport
	partFrom  int64
	partSize  int64
}

var _ sink.Sink = (*Sink)(nil)

// Open makes a sink for a bucket of AWS, or of another service if c has its endpoint.
func Open(c Config, env sink.Env) (sink.Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return open(c, env)
}

// OpenCompatible makes a sink for a bucket of a service that is not AWS.
func OpenCompatible(c CompatibleConfig, env sink.Env) (sink.Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return open(c.Config, env)
}

func open(c Config, env sink.Env) (sink.Sink, error) {
	tls, err := c.TLS.Build("tls")
	if err != nil {
		return nil, err
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	s := &Sink{
		config: c, partFrom: partFrom, partSize: partSize,
		transport: &http.Transport{
			DialContext: env.Dial, ForceAttemptHTTP2: true, TLSClientConfig: tls,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 2 * time.Minute, IdleConnTimeout: 90 * time.Second, MaxIdleConnsPerHost: 16,
		},
	}
	o := s3.Options{
		Region: c.Region, UsePathStyle: c.pathStyle(),
		Credentials: aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey.Reveal(), c.SessionToken.Reveal())),
		HTTPClient:  &http.Client{Transport: s.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Retryer:     aws.NopRetryer{}, // the engine tries again
		AppID:       "sluice-" + appID(env.Version),
		// Checksums in trailers are newer than many services; an MD5 of the body, which we send, is understood by all.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	if endpoint, _ := endpointURL(c.Endpoint); endpoint != "" { // validated
		o.BaseEndpoint = &endpoint
	}
	s.client = s3.New(o)
	s.Writer = object.NewWriter(c.Options, s, env.Dir)
	return s, nil
}

// appID is a version as User-Agent may have it.
func appID(version string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("()<>@,;:\\\"/[]?={} \t", r) || r <= ' ' || r >= 0x7f {
			return '-'
		}
		return r
	}, version)
}

// Limits implements [sink.Sink].
func (s *Sink) Limits() sink.Limits { return object.Limits }

// Close implements [sink.Sink].
func (s *Sink) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

// checkName is the object that Check writes.
const checkName = "sluice-check.txt"

// Check writes the object sluice-check.txt.
func (s *Sink) Check(ctx context.Context) error {
	return s.PutText(ctx, object.Join(s.config.Dir(), checkName), "Logs are delivered to this directory.\n")
}

// Place names the bucket for proofs of ownership.
func (s *Sink) Place() (endpoint, bucket, dir string) {
	if endpoint = s.config.Endpoint; endpoint == "" {
		endpoint = "s3.amazonaws.com"
	}
	return endpoint, s.config.Bucket, s.config.Dir()
}

// PutText writes an object of a short text.
func (s *Sink) PutText(ctx context.Context, name, text string) error {
	return s.explain(s.putOne(ctx, name, "text/plain; charset=utf-8", strings.NewReader(text)))
}

// Put implements [object.Store].
func (s *Sink) Put(ctx context.Context, o object.Object) error {
	if o.Payload.Size() < s.partFrom {
		return s.explain(s.putOne(ctx, o.Name, o.Type, o.Payload.Reader()))
	}
	return s.explain(s.putParts(ctx, o))
}

func (s *Sink) putOne(ctx context.Context, name, typ string, body io.ReadSeeker) error {
	sum, err := sumOf(body)
	if err != nil {
		return err
	}
	in := &s3.PutObjectInput{Bucket: &s.config.Bucket, Key: &name, Body: body, ContentMD5: sum.header(), ContentType: &typ}
	if s.config.ServerSideEncryption {
		in.ServerSideEncryption = types.ServerSideEncryptionAes256
	}
	if s.config.OwnerFullControl {
		in.ACL = types.ObjectCannedACLBucketOwnerFullControl
	}
	out, err := s.client.PutObject(ctx, in)
	if err != nil {
		return err
	}
	return s.checkETag(sum, out.ETag, out.ServerSideEncryption)
}

func (s *Sink) putParts(ctx context.Context, o object.Object) (err error) {
	in := &s3.CreateMultipartUploadInput{Bucket: &s.config.Bucket, Key: &o.Name, ContentType: &o.Type}
	if s.config.ServerSideEncryption {
		in.ServerSideEncryption = types.ServerSideEncryptionAes256
	}
	if s.config.OwnerFullControl {
		in.ACL = types.ObjectCannedACLBucketOwnerFullControl
	}
	upload, err := s.client.CreateMultipartUpload(ctx, in)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			s.abort(ctx, o.Name, upload.UploadId)
		}
	}()
	var parts []types.CompletedPart
	for at := int64(0); at < o.Payload.Size(); at += s.partSize {
		body := io.NewSectionReader(o.Payload, at, min(s.partSize, o.Payload.Size()-at))
		part, err := s.putPart(ctx, o.Name, upload, int32(len(parts)+1), body)
		if err != nil {
			return err
		}
		parts = append(parts, part)
	}
	done, err := s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &s.config.Bucket, Key: &o.Name, UploadId: upload.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	if err == nil && aws.ToString(done.ETag) == "" {
		err = errNoETag
	}
	return err
}

func (s *Sink) putPart(ctx context.Context, name string, upload *s3.CreateMultipartUploadOutput, number int32, body io.ReadSeeker) (types.CompletedPart, error) {
	sum, err := sumOf(body)
	if err != nil {
		return types.CompletedPart{}, err
	}
	out, err := s.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &s.config.Bucket, Key: &name, UploadId: upload.UploadId, PartNumber: &number, Body: body, ContentMD5: sum.header(),
	})
	if err != nil {
		return types.CompletedPart{}, err
	}
	return types.CompletedPart{PartNumber: &number, ETag: out.ETag}, s.checkETag(sum, out.ETag, out.ServerSideEncryption)
}

// abortWithin bounds the clean-up after an error, which may be that ctx has ended.
const abortWithin = 10 * time.Second

func (s *Sink) abort(ctx context.Context, name string, upload *string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWithin)
	defer cancel()
	_, _ = s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.config.Bucket, Key: &name, UploadId: upload})
}

// md5Sum is the MD5 of a body.
type md5Sum [md5.Size]byte

// sumOf reads body once and goes back to its start.
func sumOf(body io.ReadSeeker) (sum md5Sum, err error) {
	h := md5.New() //nolint:gosec // see above
	if _, err = io.Copy(h, body); err == nil {
		_, err = body.Seek(0, io.SeekStart)
	}
	h.Sum(sum[:0])
	return sum, err
}

func (m md5Sum) header() *string { return aws.String(base64.StdEncoding.EncodeToString(m[:])) }

var (
	errNoETag = fmt.Errorf("the answer has no ETag, so that it is not known what the bucket holds")
	md5Like   = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// checkETag finds out whether the service holds what was sent. With keys that are not its own, ETags are no MD5.
func (s *Sink) checkETag(sum md5Sum, etag *string, encryption types.ServerSideEncryption) error {
	tag := strings.ToLower(strings.Trim(aws.ToString(etag), `"`))
	switch {
	case tag == "":
		return errNoETag
	case s.config.TrustETag || !md5Like.MatchString(tag) || encryption != "" && encryption != types.ServerSideEncryptionAes256:
		return nil
	case tag != hex.EncodeToString(sum[:]):
		return fmt.Errorf("the bucket holds other bytes than were sent: ETag %s, MD5 %x; set trustETag if the service's ETags are no MD5", tag, sum)
	}
	return nil
}
