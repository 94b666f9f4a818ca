package post

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Err says what an answer means to the engine, by its status alone:
//
//	2xx                                  nil
//	401 403 407                          Halt: the credentials
//	3xx                                  Halt: the destination has moved, and only its owner can say whether logs may follow
//	408 425 429 5xx but 501 and 505      retry, or Later if the answer has a Retry-After
//	413                                  ErrTooLarge
//	other 4xx, 501, 505                  Refused, all logs
func (a *Answer) Err() error {
	said := &StatusError{Status: a.Status, Text: a.text()}
	switch {
	case a.Status >= 200 && a.Status < 300:
		return nil
	case a.Status < 400:
		return &sink.Halt{Reason: fmt.Sprintf("%v: the destination has moved, to where redirects are not followed; correct its url", said), Err: said}
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden, a.Status == http.StatusProxyAuthRequired:
		return &sink.Halt{Reason: fmt.Sprintf("%v: the destination does not accept the credentials; correct them", said), Err: said}
	case a.Status == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w: %w", sink.ErrTooLarge, said)
	case a.again():
		if wait, ok := a.RetryAfter(); ok {
			return &sink.Later{After: wait, Err: said}
		}
		return said
	}
	return &sink.Refused{Reason: said.Error()}
}

// again says whether the same request may succeed later.
func (a *Answer) again() bool {
	switch a.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return a.Status >= 500
}

// maxWait bounds what a destination can ask for.
const maxWait = time.Hour

// RetryAfter is the pause that the answer asks for, at most an hour.
func (a *Answer) RetryAfter() (time.Duration, bool) {
	text := strings.TrimSpace(a.Header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxWait), true
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, min(at.Sub(a.client.options.Now()), maxWait)), true
	}
	return 0, false
}

// text is the beginning of the answer's body, fit for one line of an error.
func (a *Answer) text() string {
	const most = 200
	if strings.Contains(a.Header.Get("Content-Type"), "html") {
		return "" // pages of proxies say nothing but the status
	}
	text := strings.ToValidUTF8(string(a.Body[:min(len(a.Body), most)]), "")
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// StatusError is an answer that is not a success.
type StatusError struct {
	Status int
	Text   string // the beginning of the answer's body
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("answered %d %s", e.Status, http.StatusText(e.Status))
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}
