package spl

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
)

// RowError says why one row failed. Other rows are not touched by it.
type RowError struct{ Msg string }

func (e *RowError) Error() string { return e.Msg }

func rowError(format string, args ...any) *RowError { return &RowError{fmt.Sprintf(format, args...)} }

// failure carries an error up through the recursive functions of the parser; [catch] ends its way.
type failure struct{ err *sluice.Error }

// fail reports an error at a byte of the text, worded as those of SQL are (reference sls-query 3.3).
func fail(kind sluice.Kind, text string, offset int, format string, args ...any) {
	before := text[:min(offset, len(text))]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	msg := fmt.Sprintf(format, args...)
	panic(failure{sluice.Errorf(kind, "query", "ErrorType:SyntaxError.ErrorMessage:line %d:%d: %s", line, column, msg)})
}

// catch turns a failure into the error of the function that deferred it.
func catch(err *error) {
	switch f := recover().(type) {
	case nil:
	case failure:
		*err = f.err
	default:
		panic(f)
	}
}
