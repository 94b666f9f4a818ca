package collector

import (
	"errors"
	"fmt"
	"time"
)

// Class is a class of errors, as the collector that we follow names them.
type Class string

// The classes.
const (
	InitVariables Class = "InitVariablesError" // the configuration: the service stops
	Setup         Class = "SetupError"         // credentials and services that cannot be reached with them: the service stops, or tries later
	Pull          Class = "PullError"          // a cycle that failed: the next one goes on
)

// Ids of errors that a service shares with others of its kind are in its [Kind].
const (
	idNoFormat   = 1
	idStartForm  = 2
	idFuture     = 3
	idBuild      = 100
	idTestFailed = 101
)

// Error is an error with the number under which users look it up.
type Error struct {
	Class Class
	ID    int
	Text  string
	Err   error // what is behind it, may be nil
}

func (e *Error) Error() string { return fmt.Sprintf("%s [%d]: %s", e.Class, e.ID, e.Text) }
func (e *Error) Unwrap() error { return e.Err }

func errNoFormat() error {
	return &Error{Class: InitVariables, ID: idNoFormat, Text: "Datetime format is not present in module globals."}
}

func errStartForm(format string) error {
	return &Error{Class: InitVariables, ID: idStartForm, Text: "initial_start_time_in_utc is not set as per the datetime_format : " + format}
}

func errFuture(start string) error {
	return &Error{Class: InitVariables, ID: idFuture, Text: "Date " + start + " is in the future"}
}

func errBuild(err error) error {
	return &Error{Class: Setup, ID: idBuild, Text: "Failed to build authentication. Reason " + err.Error(), Err: err}
}

func errTest(err error) error {
	return &Error{Class: Setup, ID: idTestFailed, Text: "Authentication test failed. Reason " + err.Error(), Err: err}
}

func errPull(id int, err error) error {
	return &Error{Class: Pull, ID: id, Text: "Error during pull: " + err.Error(), Err: err}
}

// Denied marks an error that the same request meets again until somebody acts: a key that is not known, a permission that is missing.
type Denied struct{ Err error }

func (e *Denied) Error() string { return e.Err.Error() }
func (e *Denied) Unwrap() error { return e.Err }

// Throttled marks an error of a service that wants fewer requests. After is the pause that it asks for, 0 if it names none.
type Throttled struct {
	After time.Duration
	Err   error
}

func (e *Throttled) Error() string { return e.Err.Error() }
func (e *Throttled) Unwrap() error { return e.Err }

// ErrGone says that the source does not have any more what lies between two places: it cannot be read again.
var ErrGone = errors.New("the source does not have this any more")
