package bucket_test

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sluicelog/sluice/internal/trail/bucket"
	"github.com/sluicelog/sluice/test/ossserver"
	"github.com/sluicelog/sluice/test/s3server"
)

var dial = (&net.Dialer{}).DialContext

func wantRefusal(t *testing.T, what string, err error, code string, status int) {
	t.Helper()
	var refusal *bucket.Refusal
	if !errors.As(err, &refusal) || refusal.Code != code || refusal.Status != status {
		t.Errorf("%s: %v, want %s (%d)", what, err, code, status)
	}
}

func TestS3(t *testing.T) {
	server := s3server.Start(t)
	server.Bucket(t, "audit")
	open := func(secret string) *bucket.S3 {
		return bucket.NewS3(bucket.S3Options{
			Endpoint: server.Endpoint, Region: s3server.Region, AccessKeyID: s3server.AccessKeyID, SecretAccessKey: secret, Dial: dial,
		})
	}
	b, ctx := open(s3server.SecretAccessKey), t.Context()
	o := bucket.Object{Key: "AWSLogs/1/x.json.gz", Body: []byte("first"), Metadata: map[string]string{"signature": "ab", "signature-algorithm": "SHA256withRSA"}}
	for _, body := range []string{"first", "second"} {
		o.Body = []byte(body)
		if err := b.Put(ctx, "audit", o); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(server.Root, "audit", "AWSLogs/1/x.json.gz"))
		if err != nil || string(got) != body {
			t.Errorf("object %q, %v, want %q", got, err, body)
		}
	}
	client := s3.New(s3.Options{
		Region: s3server.Region, BaseEndpoint: &server.Endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(s3server.AccessKeyID, s3server.SecretAccessKey, ""),
	})
	head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("audit"), Key: &o.Key})
	if err != nil || head.Metadata["signature"] != "ab" || *head.ContentType != "application/json" || *head.ContentEncoding != "gzip" {
		t.Errorf("head %+v, %v", head, err)
	}
	if err := b.Put(ctx, "audit", bucket.Object{Key: "AWSLogs/1/CloudTrail/"}); err != nil {
		t.Errorf("an empty object that is a directory: %v", err)
	}
	wantRefusal(t, "no bucket", b.Put(ctx, "missing", o), "NoSuchBucket", 404)
	wantRefusal(t, "another secret", open("another-secret").Put(ctx, "audit", o), "SignatureDoesNotMatch", 403)
	server.Cut()
	var refusal *bucket.Refusal
	if err := b.Put(ctx, "audit", o); err == nil || errors.As(err, &refusal) {
		t.Errorf("nobody answers: %v", err)
	}
}

func TestS3DialsWhatItMay(t *testing.T) {
	refused := errors.New("dial refused")
	b := bucket.NewS3(bucket.S3Options{
		Endpoint: "http://s3.invalid", AccessKeyID: "a", SecretAccessKey: "b",
		Dial: func(context.Context, string, string) (net.Conn, error) { return nil, refused },
	})
	if err := b.Put(t.Context(), "audit", bucket.Object{Key: "k"}); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}

func TestOSS(t *testing.T) {
	store := ossserver.New("audit")
	server := httptest.NewServer(store)
	defer server.Close()
	open := func(secret string) *bucket.OSS {
		return bucket.NewOSS(bucket.OSSOptions{
			Endpoint: server.URL, Region: store.Region, AccessKeyID: store.ID, AccessKeySecret: secret, PathStyle: true, Dial: dial,
		})
	}
	b, ctx := open(store.Secret), t.Context()
	o := bucket.Object{Key: "AliyunLogs/x.gz", Body: []byte("body")}
	if err := b.Put(ctx, "audit", o); err != nil {
		t.Fatal(err)
	}
	if got := store.Objects("audit")["AliyunLogs/x.gz"]; string(got.Body) != "body" || got.Type != "application/gzip" {
		t.Errorf("object %+v", got)
	}
	wantRefusal(t, "no bucket", b.Put(ctx, "missing", o), "NoSuchBucket", 404)
	wantRefusal(t, "another secret", open("another").Put(ctx, "audit", o), "SignatureDoesNotMatch", 403)
}
