package sluice

import (
	"errors"
	"fmt"
)

// Kind says what went wrong in words that every dialect can turn into a code and a status of its own.
type Kind uint8

// The kinds. Internal is the zero value: an error that nobody classified is ours.
const (
	Internal      Kind = iota
	Invalid            // the request can never succeed as it is
	NotFound           // the thing named does not exist
	AlreadyExists      // the thing to be made exists
	Unauthorized       // who is asking is unknown, or may not
	Throttled          // a quota is used up; the same request may succeed later
	Unavailable        // the server cannot do this now (disk full, draining); retry
	Unsupported        // the request is understood, and nothing here serves it
	Conflict           // the state of the thing named forbids it
	TooLarge           // over a size limit
	OutOfRange         // a number or a position outside its range
)

var kindNames = [...]string{
	"internal", "invalid", "not found", "already exists", "unauthorized", "throttled", "unavailable", "unsupported",
	"conflict", "too large", "out of range",
}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Error is an error that a caller may branch on and a client may read. Kind and Noun together choose the client's error
// code ("not found" of a "logstore" is LogStoreNotExist in the SLS dialect); Msg is shown to the client as it is, so it
// names what to do and holds no secret; Err is the cause and is only logged.
type Error struct {
	Kind Kind
	Noun string
	Msg  string
	Err  error
}

// Errorf makes an [Error]. A %w in format keeps its cause reachable by errors.Is and errors.As.
func Errorf(kind Kind, noun, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Noun: noun, Msg: err.Error(), Err: errors.Unwrap(err)}
}

func (e *Error) Error() string { return e.Msg }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first [Error] in err's chain, or Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
