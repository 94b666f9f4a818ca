// Package objects is the seam to where immutable objects live: a directory ([Dir]), or a bucket (package s3store) with a [Cache] on
// disk in front, all behind one suite.
//
//	Create ──Write…──Commit──> visible, whole, durable        Get: a range        List: by prefix, in order
//	            └────Abort───> never was                      File: all of it, for readers that know files alone
//
// Promises of every [Store], checked by objectstest:
//   - An object appears whole or not at all, and is durable when the call that made it returned nil.
//   - An object's bytes never change under a reader's hands: a second Put replaces it as one step.
//   - PutNew is decided by the store: of several at once, one wins and the others get [ErrExists].
//   - Names are checked before they reach the store, so that no name escapes its directory or bucket.
package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Errors that callers branch on; they come wrapped with the operation and the name.
var (
	ErrNotFound = errors.New("object does not exist")
	ErrExists   = errors.New("object exists")
	// ErrRange: the range asked for is not inside the object. For an immutable object of known length this is damage.
	ErrRange = errors.New("range is outside the object")
	ErrName  = errors.New("not a valid object name")
)

// MaxName is the longest name in bytes.
const MaxName = 512

// Store keeps objects under names. All methods may be called at once from many goroutines.
type Store interface {
	// Create begins an object whose bytes come in pieces. Nothing is visible before Commit, which replaces what had the name.
	Create(ctx context.Context, name string) (Writer, error)
	// Put stores data under name, replacing what was there.
	Put(ctx context.Context, name string, data []byte) error
	// PutNew stores data under a name that nothing has, or fails with ErrExists.
	PutNew(ctx context.Context, name string, data []byte) error
	// Get fills p with the bytes at off. It fails with ErrNotFound, or with ErrRange if the object ends before p is full.
	Get(ctx context.Context, name string, p []byte, off int64) error
	// Size returns the length of an object in bytes, or ErrNotFound.
	Size(ctx context.Context, name string) (int64, error)
	// List returns up to limit objects whose names begin with prefix and come after the name after, in the order of
	// their names as bytes. Fewer than limit means that there are no more.
	List(ctx context.Context, prefix, after string, limit int) ([]Entry, error)
	// Delete removes an object, durably. Removing what is not there is no error.
	Delete(ctx context.Context, name string) error
}

// Writer takes the bytes of one object, from one goroutine. Either Commit or Abort must be called; Abort after either does
// nothing, so it can be deferred.
type Writer interface {
	io.Writer
	// Commit makes the object visible and durable. After an error the object may be there, whole, or not, and the Writer is
	// of no more use.
	Commit(ctx context.Context) error
	// Abort drops what was written.
	Abort()
}

// Entry is an object in a list.
type Entry struct {
	Name string
	Size int64
}

// CheckName returns an error wrapping [ErrName] unless name is one to [MaxName] bytes long and made of segments between
// slashes, each of letters, digits and "-_.=" and none beginning with a dot. A name must not be the directory of another
// ("a" and "a/b"): buckets allow it, directories do not.
func CheckName(name string) error {
	if name == "" || len(name) > MaxName {
		return fmt.Errorf("%w: %.80q", ErrName, name)
	}
	for segment := range strings.SplitSeq(name, "/") {
		if segment == "" || segment[0] == '.' || strings.ContainsFunc(segment, notInName) {
			return fmt.Errorf("%w: %.80q", ErrName, name)
		}
	}
	return nil
}

func notInName(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.=", r))
}
