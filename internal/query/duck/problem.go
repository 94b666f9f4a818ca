package duck

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/sluicelog/sluice"
)

// problem turns an error of the engine into one for the client. What the engine says about the statement that it was given
// is left out: the client wrote another.
func (e *Engine) problem(ctx context.Context, db *sql.DB, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var de *duckdb.Error
	if !errors.As(err, &de) {
		return sluice.Errorf(sluice.Internal, "sql", "the SQL engine failed: %w", err)
	}
	refused := func(kind sluice.Kind, msg string) error {
		return &sluice.Error{Kind: kind, Noun: "sql", Msg: msg, Err: err}
	}
	switch de.Type {
	case duckdb.ErrorTypeOutOfMemory:
		return refused(sluice.TooLarge, "the statement needs more memory than it may have; read a shorter time range or group by fewer values")
	case duckdb.ErrorTypeConversion, duckdb.ErrorTypeOutOfRange, duckdb.ErrorTypeInvalidInput, duckdb.ErrorTypeBinder,
		duckdb.ErrorTypeNotImplemented, duckdb.ErrorTypeMismatchType, duckdb.ErrorTypeInvalid, duckdb.ErrorTypeExecutor,
		duckdb.ErrorTypeExpression, duckdb.ErrorTypeDecimal, duckdb.ErrorTypeInvalidType:
		return refused(sluice.Invalid, clientMessage(de.Msg))
	case duckdb.ErrorTypeFatal, duckdb.ErrorTypeInternal:
		e.replace(db)
	}
	return refused(sluice.Internal, "the SQL engine failed")
}

// ownNames are names that statements got from us.
var ownNames = regexp.MustCompile(`\b_[tpc]\d+\.`)

// clientMessage keeps the first line of a message, without the kind before and without the names we made up.
func clientMessage(msg string) string {
	msg, _, _ = strings.Cut(msg, "\n")
	msg = strings.ReplaceAll(msg, "database/sql/driver: API error: ", "")
	if _, rest, ok := strings.Cut(msg, "Error: "); ok {
		msg = rest
	}
	return ownNames.ReplaceAllString(strings.TrimSpace(msg), "")
}
