package s3store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/sluicelog/sluice/internal/objects"
)

// Put implements [objects.Store].
func (s *Store) Put(ctx context.Context, name string, data []byte) error {
	err := check(ctx, name)
	if err == nil {
		err = s.put(ctx, name, data)
	}
	if err != nil {
		return fmt.Errorf("put object %.80q: %w", name, err)
	}
	return nil
}

func (s *Store) put(ctx context.Context, name string, data []byte) error {
	_, err := s.client.PutObject(ctx, s.putInput(name, data))
	return plain(err)
}

func (s *Store) putInput(name string, data []byte) *s3.PutObjectInput {
	return &s3.PutObjectInput{
		Bucket: &s.o.Bucket, Key: s.key(name), Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data))),
		ContentMD5: md5Of(data), ServerSideEncryption: s.encryption(),
	}
}

// PutNew implements [objects.Store]. After an error other than ErrExists the object may be there.
func (s *Store) PutNew(ctx context.Context, name string, data []byte) error {
	err := check(ctx, name)
	if err == nil {
		err = s.putNew(ctx, name, data)
	}
	if err != nil {
		return fmt.Errorf("put object %.80q: %w", name, err)
	}
	return nil
}

func (s *Store) putNew(ctx context.Context, name string, data []byte) error {
	in := s.putInput(name, data)
	in.IfNoneMatch = aws.String("*")
	for {
		_, err := s.client.PutObject(ctx, in, once)
		var answer *smithyhttp.ResponseError
		if errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusConflict && ctx.Err() == nil {
			in.Body = bytes.NewReader(data) // others are at it: nothing was stored, and the next answer tells who won
			continue
		}
		return plain(err)
	}
}

// Create implements [objects.Store]. ctx bounds the uploads that Write makes.
func (s *Store) Create(ctx context.Context, name string) (objects.Writer, error) {
	if err := check(ctx, name); err != nil {
		return nil, fmt.Errorf("create object %.80q: %w", name, err)
	}
	return &writer{store: s, ctx: ctx, name: name}, nil
}

// writer collects a part and uploads it when it is full. An object that is smaller than one is put at once.
type writer struct {
	store  *Store
	ctx    context.Context
	name   string
	part   []byte
	upload *string // nil before the first part
	parts  []types.CompletedPart
	err    error // ends everything
}

var errDone = errors.New("committed or aborted already")

// maxParts is the service's.
const maxParts = 10_000

func (w *writer) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		if w.err != nil {
			return written, w.err
		}
		n := min(len(p), w.store.o.PartBytes-len(w.part))
		w.part = append(w.part, p[:n]...)
		p = p[n:]
		if len(w.part) == w.store.o.PartBytes {
			if err := w.send(w.ctx); err != nil {
				w.fail()
				return written, fmt.Errorf("write object %.80q: %w", w.name, err)
			}
		}
		written += n
	}
	return written, w.err
}

// send uploads what is collected.
func (w *writer) send(ctx context.Context) error {
	s := w.store
	if len(w.parts) == maxParts {
		return fmt.Errorf("it has more than %d parts of %d bytes", maxParts, s.o.PartBytes)
	}
	if w.upload == nil {
		out, err := s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
			Bucket: &s.o.Bucket, Key: s.key(w.name), ServerSideEncryption: s.encryption(),
		})
		if err != nil {
			return plain(err)
		}
		w.upload = out.UploadId
	}
	number := aws.Int32(int32(len(w.parts) + 1))
	out, err := s.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &s.o.Bucket, Key: s.key(w.name), UploadId: w.upload, PartNumber: number,
		Body: bytes.NewReader(w.part), ContentLength: aws.Int64(int64(len(w.part))), ContentMD5: md5Of(w.part),
	})
	if err != nil {
		return plain(err)
	}
	w.parts = append(w.parts, types.CompletedPart{ETag: out.ETag, PartNumber: number})
	w.part = w.part[:0]
	return nil
}

func (w *writer) Commit(ctx context.Context) error {
	err := w.err
	if err == nil {
		if err = w.commit(ctx); err == nil {
			w.err, w.part = errDone, nil
			return nil
		}
		w.fail()
	}
	return fmt.Errorf("commit object %.80q: %w", w.name, err)
}

func (w *writer) commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s := w.store
	if w.upload == nil {
		return s.put(ctx, w.name, w.part)
	}
	if len(w.part) > 0 {
		if err := w.send(ctx); err != nil {
			return err
		}
	}
	_, err := s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &s.o.Bucket, Key: s.key(w.name), UploadId: w.upload, MultipartUpload: &types.CompletedMultipartUpload{Parts: w.parts},
	})
	return plain(err)
}

func (w *writer) Abort() {
	if w.err == nil {
		w.fail()
	}
}

// fail ends the upload. If the service does not hear of it, the next Open removes what is left.
func (w *writer) fail() {
	w.err, w.part = errDone, nil
	if w.upload == nil {
		return
	}
	const patience = 10 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), patience)
	defer cancel()
	_, _ = w.store.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &w.store.o.Bucket, Key: w.store.key(w.name), UploadId: w.upload,
	})
}
