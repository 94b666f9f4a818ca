package bucket

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// S3Options say where buckets are, and by whose key they are written to. The zero value of a field means the default in brackets.
type S3Options struct {
	Endpoint        string // [that of AWS in the region] http or https URL of the service
	Region          string // [us-east-1]
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	VirtualHost     bool // address buckets as BUCKET.ENDPOINT, not as ENDPOINT/BUCKET
	OwnerControl    bool // give the bucket's owner full control of the objects, for buckets of another account of AWS
	Dial            Dial
}

// S3 is the buckets of a service that speaks S3.
type S3 struct {
	client *s3.Client
	acl    types.ObjectCannedACL
}

// NewS3 makes an S3.
func NewS3(o S3Options) *S3 {
	so := s3.Options{
		Region: cmp.Or(o.Region, "us-east-1"), UsePathStyle: !o.VirtualHost,
		Credentials: credentials.NewStaticCredentialsProvider(o.AccessKeyID, o.SecretAccessKey, o.SessionToken),
		HTTPClient:  client(o.Dial),
		Retryer:     aws.NopRetryer{}, // the courier tries again
		// Checksums in trailers are newer than many services; an MD5 of the body, which we send, is understood by all.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	if o.Endpoint != "" {
		so.BaseEndpoint = &o.Endpoint
	}
	s := &S3{client: s3.New(so)}
	if o.OwnerControl {
		s.acl = types.ObjectCannedACLBucketOwnerFullControl
	}
	return s
}

// Put implements [Bucket].
func (s *S3) Put(ctx context.Context, bucket string, o Object) error {
	in := &s3.PutObjectInput{
		Bucket: &bucket, Key: &o.Key, Body: bytes.NewReader(o.Body), ContentLength: aws.Int64(int64(len(o.Body))), ContentMD5: aws.String(md5Of(o.Body)),
		Metadata: o.Metadata, ACL: s.acl,
	}
	if len(o.Body) > 0 {
		in.ContentType, in.ContentEncoding = aws.String(contentType), aws.String(contentEncoding)
	}
	if _, err := s.client.PutObject(ctx, in); err != nil {
		return fmt.Errorf("put object %s into bucket %s: %w", o.Key, bucket, s3Refusal(err))
	}
	return nil
}

// s3Refusal finds the service's answer in an error.
func s3Refusal(err error) error {
	var answer *smithyhttp.ResponseError
	var api smithy.APIError
	if !errors.As(err, &answer) || !errors.As(err, &api) {
		return err
	}
	return &Refusal{Code: api.ErrorCode(), Status: answer.HTTPStatusCode(), Detail: fmt.Sprintf("%.300s", api.ErrorMessage())}
}
