package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/retry"
)

// OSSOptions say where buckets of OSS are, and by whose key they are written to.
type OSSOptions struct {
	Endpoint        string // "" for the public one of the region
	Region          string // cn-hangzhou
	AccessKeyID     string
	AccessKeySecret string
	PathStyle       bool // for tests: address buckets as ENDPOINT/BUCKET
	Dial            Dial
}

// OSS is buckets of OSS.
type OSS struct{ client *oss.Client }

// NewOSS makes an OSS.
func NewOSS(o OSSOptions) *OSS {
	c := oss.LoadDefaultConfig().WithRegion(strings.TrimPrefix(o.Region, "oss-")).
		WithCredentialsProvider(credentials.NewStaticCredentialsProvider(o.AccessKeyID, o.AccessKeySecret)).
		WithHttpClient(client(o.Dial)).
		WithRetryer(retry.NopRetryer{}). // the courier tries again
		WithUsePathStyle(o.PathStyle)
	if o.Endpoint != "" {
		c = c.WithEndpoint(o.Endpoint)
	}
	return &OSS{oss.NewClient(c)}
}

// Put implements [Bucket].
func (s *OSS) Put(ctx context.Context, bucket string, o Object) error {
	sum, size, kind := md5Of(o.Body), int64(len(o.Body)), "application/gzip" // named .gz: not said to be encoded, or readers would undo it
	_, err := s.client.PutObject(ctx, &oss.PutObjectRequest{
		Bucket: &bucket, Key: &o.Key, Body: bytes.NewReader(o.Body), ContentLength: &size, ContentMD5: &sum, ContentType: &kind, Metadata: o.Metadata,
	})
	if err == nil {
		return nil
	}
	var answer *oss.ServiceError
	if errors.As(err, &answer) {
		err = &Refusal{Code: answer.Code, Status: answer.StatusCode, Detail: fmt.Sprintf("%.300s", answer.Message)}
	}
	return fmt.Errorf("put object %s into bucket %s: %w", o.Key, bucket, err)
}
