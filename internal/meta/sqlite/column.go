package sqlite

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

// The types below are how Go values that SQLite does not know look in a column. Each works both ways, on a pointer to the
// value, so that one list of pointers serves reading and writing.

// moment is a time as nanoseconds since 1970, the zero time as NULL.
type moment time.Time

var (
	firstMoment = time.Unix(0, math.MinInt64)
	lastMoment  = time.Unix(0, math.MaxInt64)
)

func (m *moment) Value() (driver.Value, error) {
	t := time.Time(*m)
	if t.IsZero() {
		return nil, nil
	}
	if t.Before(firstMoment) || t.After(lastMoment) {
		return nil, fmt.Errorf("time in the year %d cannot be kept", t.Year())
	}
	return t.UnixNano(), nil
}

func (m *moment) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*m = moment{}
	case int64:
		*m = moment(time.Unix(0, v).UTC())
	default:
		return fmt.Errorf("time column holds %T", v)
	}
	return nil
}

// hashKey is a key as its 16 bytes, which sort as the keys do.
type hashKey sluice.HashKey

func (k *hashKey) Value() (driver.Value, error) { return k[:], nil }

func (k *hashKey) Scan(v any) error {
	raw, ok := v.([]byte)
	if !ok || len(raw) != len(k) {
		return errors.New("hash key column does not hold 16 bytes")
	}
	copy(k[:], raw)
	return nil
}

// blob is bytes, none of them as NULL.
type blob []byte

func (b *blob) Value() (driver.Value, error) {
	if len(*b) == 0 {
		return nil, nil
	}
	return []byte(*b), nil
}

func (b *blob) Scan(v any) error {
	raw, _ := v.([]byte)
	*b = append(blob(nil), raw...)
	return nil
}

// list and object are a slice and a map as JSON, empty ones as NULL.
type (
	list[T any]   []T
	object[T any] map[string]T
)

func (l *list[T]) Value() (driver.Value, error)   { return toJSON(len(*l), *l) }
func (l *list[T]) Scan(v any) error               { return fromJSON(v, (*[]T)(l)) }
func (o *object[T]) Value() (driver.Value, error) { return toJSON(len(*o), *o) }
func (o *object[T]) Scan(v any) error             { return fromJSON(v, (*map[string]T)(o)) }

func toJSON(n int, v any) (driver.Value, error) {
	if n == 0 {
		return nil, nil
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // what came as "<" goes back as "<"
	err := e.Encode(v)
	return b.String(), err
}

func fromJSON(v, to any) error {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return json.Unmarshal([]byte(v), to)
	default:
		return fmt.Errorf("JSON column holds %T", v)
	}
}
