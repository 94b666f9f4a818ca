package slssink

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
)

// pause is what a log service wants whose quota is used up; quotas are counted by the second or the minute.
const pause = 2 * time.Second

// about says what an error of writing a group means to the engine.
//
// A log service refuses a group as a whole and does not say for which log. So the batch is called too large while it has several logs: the
// engine halves it until the one to blame is alone.
func (b *batch) about(g *group, err error) error {
	if !isInvalid(err) {
		return b.sink.explain(g.logstore, err)
	}
	if b.logs > 1 {
		return fmt.Errorf("logstore %s refuses one of %d logs: %w: %w", g.logstore, b.logs, sink.ErrTooLarge, err)
	}
	return &sink.Refused{First: g.first, Count: g.run, Reason: fmt.Sprintf("logstore %s: %v", g.logstore, err)}
}

// isInvalid says whether the logs themselves are refused.
func isInvalid(err error) bool {
	if local := (*sluice.Error)(nil); errors.As(err, &local) {
		return local.Kind == sluice.Invalid && strings.HasPrefix(local.Noun, "body")
	}
	return client.Code(err) == "PostBodyInvalid"
}

// explain is about for errors that have nothing to do with single logs.
func (s *Sink) explain(logstore string, err error) error {
	err = hideURL(err)
	if local := (*sluice.Error)(nil); errors.As(err, &local) {
		return explainKind(logstore, local)
	}
	if answered := (*client.Error)(nil); errors.As(err, &answered) {
		return explainAnswer(logstore, answered)
	}
	return fmt.Errorf("logstore %s: %w", logstore, tlsconf.Explain(err))
}

// hideURL unwraps the error that net/http wraps around every other: it shows the URL, in which is nothing new.
func hideURL(err error) error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

func explainKind(logstore string, err *sluice.Error) error {
	switch err.Kind {
	case sluice.Throttled:
		return &sink.Later{After: pause, Err: err}
	case sluice.TooLarge:
		return fmt.Errorf("logstore %s: %w: %w", logstore, sink.ErrTooLarge, err)
	case sluice.NotFound, sluice.Unauthorized, sluice.Invalid, sluice.Unsupported, sluice.Conflict:
		return &sink.Halt{Reason: fmt.Sprintf("logstore %s: %v", logstore, err), Err: err}
	}
	return fmt.Errorf("logstore %s: %w", logstore, err)
}

// halts are what to do about codes that wait for a person; others of 4xx do so, too.
var halts = map[string]string{
	"Unauthorized":                "; permit the key log:PostLogStoreLogs, or correct it",
	"SignatureNotMatch":           "; correct accessKeySecret",
	"InvalidAccessKeyId":          "; correct accessKeyId",
	"SecurityTokenExpired":        "; give new credentials",
	"RequestTimeExpired":          "; the clocks of the two servers differ too much",
	"RequestTimeTooSkewed":        "; the clocks of the two servers differ too much",
	"ProjectNotExist":             "; create the project, or correct its name or the endpoint",
	"LogStoreNotExist":            "; create the logstore, or correct its name",
	"ProjectForbidden":            "; the project is disabled",
	"InvalidAccessKeyId.NotFound": "; correct accessKeyId",
}

func explainAnswer(logstore string, err *client.Error) error {
	switch {
	case strings.HasSuffix(err.Code, "WriteQuotaExceed"), err.Status == http.StatusTooManyRequests:
		return &sink.Later{After: pause, Err: err}
	case err.Code == "PostBodyTooLarge", err.Status == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("logstore %s: %w: %w", logstore, sink.ErrTooLarge, err)
	case err.Status >= 500, err.Status == http.StatusRequestTimeout, err.Code == "ShardNotExist", err.Code == "RequestTimeout":
		return fmt.Errorf("logstore %s: %w", logstore, err)
	}
	return &sink.Halt{Reason: fmt.Sprintf("logstore %s: %v%s", logstore, err, halts[err.Code]), Err: err}
}
