package statement

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
)

// Problem is where and why a statement was refused. It is the cause of the *sluice.Error that [Parse] and [Statement.Plan]
// return, for those who point at the place. Line and Column count characters from 1, Offset bytes from 0.
type Problem struct {
	Offset, Line, Column int
	Msg                  string
}

func (p *Problem) Error() string { return fmt.Sprintf("line %d:%d: %s", p.Line, p.Column, p.Msg) }

// place finds line and column of a byte of the text.
func place(text string, offset int) (line, column int) {
	offset = min(offset, len(text))
	before := text[:offset]
	line = strings.Count(before, "\n")
	before = before[strings.LastIndexByte(before, '\n')+1:]
	return line + 1, utf8.RuneCountInString(before) + 1
}

// Prefixes of messages, as clients know them (reference sls-query 3.3).
const (
	syntaxPrefix = "ErrorType:SyntaxError.ErrorMessage:"
	plainPrefix  = ""
)

// failure carries an error up through the recursive functions of parser and checker; [catch] ends its way.
type failure struct{ err error }

func fail(kind sluice.Kind, text string, offset int, prefix, format string, args ...any) {
	line, column := place(text, offset)
	p := &Problem{Offset: offset, Line: line, Column: column, Msg: fmt.Sprintf(format, args...)}
	panic(failure{&sluice.Error{Kind: kind, Noun: "sql", Msg: prefix + p.Error(), Err: p}})
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
