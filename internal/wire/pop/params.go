package pop

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
)

// nounParam stands before the code in the noun of an error about one parameter: its code is made of the parameter's name.
const nounParam = "param:"

func missing(name string) error {
	return sluice.Errorf(sluice.Invalid, nounParam+"Missing"+name, "%s is mandatory for this action.", name)
}

func invalid(name, format string, args ...any) error {
	e := sluice.Errorf(sluice.Invalid, nounParam+"Invalid"+name, format, args...)
	e.Msg = "The specified parameter " + name + " is not valid: " + e.Msg
	return e
}

// text is a parameter that must not be empty.
func (q *request) text(name string) (string, error) {
	if v := q.params.Get(name); v != "" {
		return v, nil
	}
	return "", missing(name)
}

// number is a whole number from low to high; def if it is not given.
func (q *request) number(name string, def, low, high int64) (int64, error) {
	v := q.params.Get(name)
	if v == "" {
		return def, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < low || n > high {
		return 0, invalid(name, "%.64q is not a whole number from %d to %d", v, low, high)
	}
	return n, nil
}

// fraction is a number from low to high; def if it is not given.
func (q *request) fraction(name string, def, low, high float64) (float64, error) {
	v := q.params.Get(name)
	if v == "" {
		return def, nil
	}
	x, err := strconv.ParseFloat(v, 64)
	if err != nil || !(x >= low && x <= high) {
		return 0, invalid(name, "%.64q is not a number from %v to %v", v, low, high)
	}
	return x, nil
}

// object decodes a parameter that is a JSON object into v. given says whether it is there.
func (q *request) object(name string, v any) (given bool, err error) {
	text := q.params.Get(name)
	if strings.TrimSpace(text) == "" {
		return false, nil
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return true, invalid(name, "it is not the JSON that is expected: %v", err)
	}
	return true, nil
}

// page is the page of a list that is asked for.
func (q *request) page() (number, size int64, err error) {
	if number, err = q.number("PageNumber", 1, 1, 1<<31); err != nil {
		return 0, 0, err
	}
	size, err = q.number("PageSize", 20, 1, 500)
	return number, size, err
}

// looseInt and looseBool read what some clients send as text.
type (
	looseInt  int64
	looseBool bool
)

func (n *looseInt) UnmarshalJSON(b []byte) error {
	if isNothing(b) {
		return nil
	}
	v, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	*n = looseInt(v)
	return err
}

func (v *looseBool) UnmarshalJSON(b []byte) error {
	if isNothing(b) {
		return nil
	}
	x, err := strconv.ParseBool(strings.Trim(string(b), `"`))
	*v = looseBool(x)
	return err
}

func isNothing(b []byte) bool { return string(b) == "null" || string(b) == `""` }
