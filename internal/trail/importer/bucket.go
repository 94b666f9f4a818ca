package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// bucket is what an import reads from. Connections are dialed by the rules for addresses that a user named, and no answer leads elsewhere.
type bucket struct {
	client *s3.Client
	spec   *Spec
	close  func()
}

func (s *Service) openBucket(spec *Spec) *bucket {
	var transport *http.Transport
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.DialContext = s.o.Dial
		t.Proxy = nil
		t.ResponseHeaderTimeout = 30 * time.Second
		t.MaxIdleConnsPerHost = 2
		transport = t
	})
	o := s3.Options{
		Region: spec.Region, UsePathStyle: spec.pathStyle(), HTTPClient: client, RetryMaxAttempts: 2,
		Credentials:                credentials.NewStaticCredentialsProvider(spec.AccessKeyID, spec.SecretAccessKey, spec.SessionToken),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	if spec.Endpoint != "" {
		o.BaseEndpoint = aws.String(spec.Endpoint)
	}
	b := &bucket{client: s3.New(o), spec: spec}
	b.close = func() {
		if transport != nil {
			transport.CloseIdleConnections()
		}
	}
	return b
}

// children are the directories right below a prefix, each with its slash.
func (b *bucket) children(ctx context.Context, prefix string) (names []string, err error) {
	in := &s3.ListObjectsV2Input{Bucket: &b.spec.Bucket, Prefix: aws.String(b.spec.Prefix + prefix), Delimiter: aws.String("/")}
	for pages := s3.NewListObjectsV2Paginator(b.client, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list bucket %s: %w", b.spec.Bucket, err)
		}
		for _, p := range page.CommonPrefixes {
			names = append(names, strings.TrimPrefix(aws.ToString(p.Prefix), b.spec.Prefix+prefix))
		}
	}
	return names, nil
}

// streams are the directories of one account, kind and region each, behind the prefix: below them are days.
func (b *bucket) streams(ctx context.Context) (all []string, err error) {
	accounts, err := b.below(ctx, "AWSLogs/", accountForm.MatchString)
	if err != nil {
		return nil, err
	}
	orgs, err := b.below(ctx, "AWSLogs/", orgForm.MatchString)
	if err != nil {
		return nil, err
	}
	for _, org := range orgs {
		more, err := b.below(ctx, org, accountForm.MatchString)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, more...)
	}
	for _, account := range accounts {
		kinds := []string{"CloudTrail/"}
		if b.spec.Insights {
			kinds = append(kinds, "CloudTrail-Insight/")
		}
		for _, kind := range kinds {
			regions, err := b.below(ctx, account+kind, placeForm.MatchString)
			if err != nil {
				return nil, err
			}
			all = append(all, regions...)
		}
	}
	return all, nil
}

// below are the directories right below a prefix whose names are of a form, with the prefix.
func (b *bucket) below(ctx context.Context, prefix string, is func(string) bool) (all []string, err error) {
	names, err := b.children(ctx, prefix)
	for _, name := range names {
		if is(name) {
			all = append(all, prefix+name)
		}
	}
	return all, err
}

// object is a file in the bucket: its key behind the prefix.
type object struct {
	key  string
	size int64
}

// files gives fn the files of a stream that are of days behind one (as in keys; "" for all), in the order of their keys.
func (b *bucket) files(ctx context.Context, stream, behind string, fn func(object) error) error {
	in := &s3.ListObjectsV2Input{Bucket: &b.spec.Bucket, Prefix: aws.String(b.spec.Prefix + stream)}
	if behind != "" {
		in.StartAfter = aws.String(b.spec.Prefix + stream + behind + "/~") // behind all names of that day
	}
	for pages := s3.NewListObjectsV2Paginator(b.client, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list bucket %s: %w", b.spec.Bucket, err)
		}
		for _, o := range page.Contents {
			key := strings.TrimPrefix(aws.ToString(o.Key), b.spec.Prefix)
			if dayOf(key) == "" {
				continue
			}
			if err := fn(object{key, aws.ToInt64(o.Size)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// get reads a file. Errors: *damage if it is larger than any may be, or not there.
func (b *bucket) get(ctx context.Context, key string) ([]byte, error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.spec.Bucket, Key: aws.String(b.spec.Prefix + key)})
	var gone *types.NoSuchKey
	if errors.As(err, &gone) {
		return nil, damaged(0, "the file is gone from the bucket")
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	defer out.Body.Close()
	size := aws.ToInt64(out.ContentLength)
	if size > maxFile {
		return nil, damaged(0, "the file has %d bytes, and %d are the most", size, maxFile)
	}
	file, err := io.ReadAll(io.LimitReader(out.Body, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("get %s: %w", key, err)
	case len(file) > maxFile:
		return nil, damaged(0, "the file has more than %d bytes", maxFile)
	case out.ContentLength != nil && int64(len(file)) != size:
		return nil, fmt.Errorf("get %s: %w", key, errors.Join(io.ErrUnexpectedEOF, fmt.Errorf("%d of %d bytes came", len(file), size)))
	}
	return file, nil
}
