package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sluicelog/sluice/internal/objects"
)

// Get implements [objects.Store].
func (s *Store) Get(ctx context.Context, name string, p []byte, off int64) error {
	if err := s.get(ctx, name, p, off); err != nil {
		return fmt.Errorf("get object %.80q, %d bytes at %d: %w", name, len(p), off, err)
	}
	return nil
}

func (s *Store) get(ctx context.Context, name string, p []byte, off int64) error {
	if err := check(ctx, name); err != nil {
		return err
	}
	if off < 0 {
		return objects.ErrRange
	}
	if len(p) == 0 { // no range is empty
		_, err := s.Size(ctx, name)
		return err
	}
	in := &s3.GetObjectInput{Bucket: &s.o.Bucket, Key: s.key(name)}
	done := 0
	for range s.o.Attempts { // the SDK repeats what was not answered, not answers that broke off
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", off+int64(done), off+int64(len(p))-1))
		out, err := s.client.GetObject(ctx, in)
		if err != nil {
			return plain(err)
		}
		there := len(p) - done
		if out.ContentLength != nil {
			there = int(min(int64(there), max(0, *out.ContentLength)))
		}
		n, err := io.ReadFull(out.Body, p[done:done+there])
		_ = out.Body.Close()
		done += n
		switch {
		case done == len(p):
			return nil
		case err == nil:
			return objects.ErrRange // all that there is
		case ctx.Err() != nil:
			return ctx.Err()
		}
		in.IfMatch = out.ETag // the rest of the same object
	}
	return errors.New("the connection broke again and again")
}
