package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Error is an answer of the server that is not a success.
type Error struct {
	Status    int
	Code      string // errorCode: "LogStoreNotExist"; empty when what answered is not a log service
	Message   string
	RequestID string    // finds the request in the server's log
	Date      time.Time // the server's clock when it answered; zero if it did not say
}

func (e *Error) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("http status %d: %s", e.Status, e.Message)
	}
	return fmt.Sprintf("%s: %s (status %d, request %s)", e.Code, e.Message, e.Status, e.RequestID)
}

// Code returns the error code of the first [Error] in err's chain, or "".
func Code(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// quotaCodes are refusals that pass when the sender slows down (reference sls-api 3.4).
var quotaCodes = []string{"WriteQuotaExceed", "ShardWriteQuotaExceed", "ReadQuotaExceed", "ShardReadQuotaExceed", "Throttling.User"}

// Temporary reports whether the same request may succeed later.
func (e *Error) Temporary() bool {
	switch e.Status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable:
		return true
	}
	return slices.Contains(quotaCodes, e.Code)
}

// newError reads the error body of the dialect; anything else is quoted, shortened.
func newError(status int, header http.Header, body []byte) *Error {
	e := &Error{Status: status, RequestID: header.Get("x-log-requestid"), Date: serverTime(header)}
	var known struct {
		Code    string `json:"errorCode"`
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(body, &known) == nil && known.Code != "" {
		e.Code, e.Message = known.Code, known.Message
		return e
	}
	const enough = 200
	if len(body) > enough {
		body = body[:enough]
	}
	e.Message = fmt.Sprintf("not an answer of a log service: %q", body)
	return e
}

// serverTime is the server's clock as an answer tells it, to the second: the dialect's own header, which no proxy rewrites,
// before HTTP's. The zero time if there is neither.
func serverTime(header http.Header) time.Time {
	if seconds, err := strconv.ParseInt(header.Get("x-log-time"), 10, 64); err == nil {
		return unixTime(seconds)
	}
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return date
}
