// Package osssink delivers batches as objects to buckets of Alibaba Cloud OSS, with its official SDK.
//
//	payload ──up to 32 MiB──> PutObject, Content-MD5 ─────────────┐
//	   └─────larger─────────> parts of 16 MiB, Content-MD5 each ──┴──> CRC-64 of what was sent ──> nil
//	                               └── any error ──> AbortMultipartUpload
//
// It needs permission to oss:PutObject and oss:AbortMultipartUpload, nothing else: see [Policy]. So it cannot look at the bucket, and Check
// writes the object sluice-check.txt into the directory, the same one each time. Uploads that neither ended nor were aborted, since the server died,
// stay invisible; a lifecycle rule of the bucket removes them.
package osssink

import (
	"context"
	"crypto/md5" //nolint:gosec // what OSS checks bodies with
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/retry"

	"github.com/sluicelog/sluice/internal/delivery/object"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Sizes of bodies that go out in parts, and of the parts. OSS allows 10,000 parts.
const (
	partFrom = 32 << 20
	partSize = 16 << 20
)

// Sink writes to one bucket.
type Sink struct {
	*object.Writer
	config    Config
	client    *oss.Client
	transport *http.Transport
	partFrom  int64
	partSize  int64
}

var _ sink.Sink = (*Sink)(nil)

// Open makes a sink.
func Open(c Config, env sink.Env) (sink.Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	tls, err := c.TLS.Build("tls")
	if err != nil {
		return nil, err
	}
	s := &Sink{
		config: c, partFrom: partFrom, partSize: partSize,
		transport: &http.Transport{
			DialContext: env.Dial, TLSClientConfig: tls,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 2 * time.Minute, IdleConnTimeout: 90 * time.Second, MaxIdleConnsPerHost: 16,
		},
	}
	o := oss.LoadDefaultConfig().WithRegion(c.region()).
		WithCredentialsProvider(credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.AccessKeySecret.Reveal(), c.SecurityToken.Reveal())).
		WithHttpClient(&http.Client{Transport: s.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).
		WithRetryer(retry.NopRetryer{}). // the engine tries again
		WithUsePathStyle(c.Addressing == addressPath).WithUseCName(c.Addressing == addressName).
		WithUserAgent("sluice/" + strings.ReplaceAll(env.Version, " ", "-"))
	if c.Signature == signV1 {
		o = o.WithSignatureVersion(oss.SignatureVersionV1)
	}
	if endpoint, _ := endpointURL(c.Endpoint); endpoint != "" { // validated
		o = o.WithEndpoint(endpoint)
	}
	s.client = oss.NewClient(o)
	s.Writer = object.NewWriter(c.Options, s, env.Dir)
	return s, nil
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
		endpoint = "aliyuncs.com"
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

// errNoETag is what an answer without the sign of an object is.
var errNoETag = errors.New("the answer has no ETag, so that it is not known what the bucket holds")

func (s *Sink) putOne(ctx context.Context, name, typ string, body io.ReadSeeker) error {
	sum, size, err := sumOf(body)
	if err != nil {
		return err
	}
	out, err := s.client.PutObject(ctx, &oss.PutObjectRequest{
		Bucket: &s.config.Bucket, Key: &name, Body: body, ContentLength: &size, ContentMD5: &sum, ContentType: &typ,
		ServerSideEncryption: s.encryption(), ServerSideDataEncryption: s.dataEncryption(), ServerSideEncryptionKeyId: s.encryptionKey(),
	})
	if err == nil && oss.ToString(out.ETag) == "" {
		err = errNoETag
	}
	return err
}

func (s *Sink) encryption() *string {
	switch s.config.Encryption {
	case "":
	case encryptKMSSM4:
		return oss.Ptr(encryptKMS)
	default:
		return &s.config.Encryption
	}
	if s.config.ServerSideEncryption {
		return oss.Ptr("AES256")
	}
	return nil
}

// dataEncryption is the algorithm of a key of KMS, where it is not AES256.
func (s *Sink) dataEncryption() *string {
	if s.config.Encryption == encryptKMSSM4 {
		return oss.Ptr("SM4")
	}
	return nil
}

func (s *Sink) encryptionKey() *string {
	if s.config.EncryptionKeyID == "" {
		return nil
	}
	return &s.config.EncryptionKeyID
}

func (s *Sink) putParts(ctx context.Context, o object.Object) (err error) {
	upload, err := s.client.InitiateMultipartUpload(ctx, &oss.InitiateMultipartUploadRequest{
		Bucket: &s.config.Bucket, Key: &o.Name, ContentType: &o.Type,
		ServerSideEncryption: s.encryption(), ServerSideDataEncryption: s.dataEncryption(), ServerSideEncryptionKeyId: s.encryptionKey(),
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			s.abort(ctx, o.Name, upload.UploadId)
		}
	}()
	var parts []oss.UploadPart
	for at := int64(0); at < o.Payload.Size(); at += s.partSize {
		body := io.NewSectionReader(o.Payload, at, min(s.partSize, o.Payload.Size()-at))
		part, err := s.putPart(ctx, o.Name, upload.UploadId, int32(len(parts)+1), body)
		if err != nil {
			return err
		}
		parts = append(parts, part)
	}
	done, err := s.client.CompleteMultipartUpload(ctx, &oss.CompleteMultipartUploadRequest{
		Bucket: &s.config.Bucket, Key: &o.Name, UploadId: upload.UploadId, CompleteMultipartUpload: &oss.CompleteMultipartUpload{Parts: parts},
	})
	if err == nil && oss.ToString(done.ETag) == "" {
		err = errNoETag
	}
	return err
}

func (s *Sink) putPart(ctx context.Context, name string, upload *string, number int32, body io.ReadSeeker) (oss.UploadPart, error) {
	sum, size, err := sumOf(body)
	if err != nil {
		return oss.UploadPart{}, err
	}
	out, err := s.client.UploadPart(ctx, &oss.UploadPartRequest{
		Bucket: &s.config.Bucket, Key: &name, UploadId: upload, PartNumber: number, Body: body, ContentLength: &size, ContentMD5: &sum,
	})
	if err != nil {
		return oss.UploadPart{}, err
	}
	return oss.UploadPart{PartNumber: number, ETag: out.ETag}, nil
}

// abortWithin bounds the clean-up after an error, which may be that ctx has ended.
const abortWithin = 10 * time.Second

func (s *Sink) abort(ctx context.Context, name string, upload *string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWithin)
	defer cancel()
	_, _ = s.client.AbortMultipartUpload(ctx, &oss.AbortMultipartUploadRequest{Bucket: &s.config.Bucket, Key: &name, UploadId: upload})
}

// sumOf reads body once and goes back to its start. sum is its MD5 as Content-MD5 has it.
func sumOf(body io.ReadSeeker) (sum string, size int64, err error) {
	h := md5.New() //nolint:gosec // see above
	if size, err = io.Copy(h, body); err == nil {
		_, err = body.Seek(0, io.SeekStart)
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil)), size, err
}
