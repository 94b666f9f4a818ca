package delivery

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/pipeline"
)

// Spec is the document of a task: what it ships, how, and where to.
type Spec struct {
	// Name of the task, unique in its project: 1 to 128 letters, digits, "-", "_" and ".".
	Name string `json:"name"`
	// Description for people, at most 1024 bytes.
	Description string `json:"description,omitempty"`
	// Source says which logs.
	Source Source `json:"source"`
	// Spec says which logs go out, and what of them.
	pipeline.Spec
	// Limits of a batch, beside those of the destination.
	Limits Limits `json:"limits,omitzero"`
	// Retry says what happens to a batch that cannot be delivered.
	Retry Retry `json:"retry,omitzero"`
	// DeadLetter is the logstore in the same project for logs that the destination refuses for good [sluice-dead-letters]. It is made
	// when it is first needed.
	DeadLetter string `json:"deadLetter,omitempty"`
	// Annotations are kept for whoever makes tasks on behalf of another API, by its name. The engine does not read them.
	Annotations map[string]string `json:"annotations,omitempty"`
	// Sink is the destination: its "type", and what that type needs.
	Sink json.RawMessage `json:"sink"`
}

// Source is where a task's logs come from.
type Source struct {
	// Logstore in the task's project.
	Logstore string `json:"logstore"`
	// Start is "now", "beginning" or a time (RFC 3339): where the task begins when it first goes online ["now"]. Times are those of
	// arrival in the logstore.
	Start string `json:"start,omitempty"`
	// End is a time (RFC 3339): logs that arrive at it or later are left out, and the task goes offline when the others are delivered.
	End string `json:"end,omitempty"`
	// InOrder has the children of a split or merged shard wait until their parents are delivered.
	InOrder bool `json:"inOrder,omitempty"`
}

// Limits of a batch. The first that is reached ends it; 0 leaves it to the destination.
type Limits struct {
	// Logs of a batch.
	Logs int `json:"logs,omitempty"`
	// Bytes of a batch, encoded and before compression.
	Bytes int64 `json:"bytes,omitempty"`
	// Age of a batch: from the arrival of its first log in the logstore to its delivery, as "5s".
	Age Duration `json:"age,omitempty"`
}

// Retry of batches that were not delivered.
type Retry struct {
	// Max is how often a batch is tried again; 0: for ever.
	Max int `json:"max,omitempty"`
	// OnExhausted says what happens then: "hold" keeps the batch and tries once a minute, "deadLetter" writes its logs to the dead letters and
	// goes on ["hold"].
	OnExhausted string `json:"onExhausted,omitempty"`
}

// DeadLetters is the logstore that gets what was refused for good, unless a task names another.
const DeadLetters = "sluice-dead-letters"

// Bounds of a Spec.
const (
	maxSpec        = 256 << 10
	maxDescription = 1024
	maxRetries     = 1000
	maxAge         = 24 * time.Hour
	maxBatchBytes  = 1 << 30
	maxBatchLogs   = 10_000_000
)

var (
	taskName     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)
	logstoreName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,61}[a-z0-9]$`)
)

// ParseSpec reads a task's document in YAML or JSON. Unknown fields are errors.
func ParseSpec(raw []byte) (*Spec, error) {
	if len(raw) > maxSpec {
		return nil, invalid("the document has %d bytes, at most %d are allowed", len(raw), maxSpec)
	}
	if !json.Valid(raw) {
		var document any
		d := yaml.NewDecoder(bytes.NewReader(raw))
		err := d.Decode(&document)
		if err != nil {
			return nil, invalid("the document is neither JSON nor YAML: %w", err)
		}
		if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
			return nil, invalid("nothing may follow the document")
		}
		if raw, err = json.Marshal(document); err != nil {
			return nil, invalid("the document cannot be read: %w", err)
		}
	}
	s := &Spec{}
	if err := decodeStrictly(raw, s); err != nil {
		return nil, err
	}
	return s, nil
}

// decodeStrictly reads one JSON value and refuses fields that v does not have.
func decodeStrictly(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		var known *sluice.Error
		if errors.As(err, &known) {
			return err
		}
		return invalid("%w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return invalid("nothing may follow the document")
	}
	return nil
}

// Validate checks all but the sink section, which its type checks.
func (s *Spec) Validate() error {
	if !taskName.MatchString(s.Name) {
		return invalid("name: %.80q is not 1 to 128 letters, digits, \"-\", \"_\" and \".\", beginning with a letter or digit", s.Name)
	}
	if len(s.Description) > maxDescription {
		return invalid("description: at most %d bytes are allowed", maxDescription)
	}
	if err := s.Source.validate(); err != nil {
		return err
	}
	if s.DeadLetter != "" && !logstoreName.MatchString(s.DeadLetter) {
		return invalid("deadLetter: %.80q is not the name of a logstore", s.DeadLetter)
	}
	if s.DeadLetterStore() == s.Source.Logstore {
		return invalid("deadLetter: must be another logstore than source.logstore, or what is refused would be delivered again and again")
	}
	if err := s.Limits.validate(); err != nil {
		return err
	}
	if s.Retry.Max < 0 || s.Retry.Max > maxRetries {
		return invalid("retry.max: must be 0 (for ever) to %d", maxRetries)
	}
	switch s.Retry.OnExhausted {
	case "", hold, deadLetter:
	default:
		return invalid("retry.onExhausted: %.40q is neither %q nor %q", s.Retry.OnExhausted, hold, deadLetter)
	}
	return nil
}

// Values of Retry.OnExhausted.
const (
	hold       = "hold"
	deadLetter = "deadLetter"
)

// Values of Source.Start beside a time.
const (
	startNow       = "now"
	startBeginning = "beginning"
)

func (s *Source) validate() error {
	if !logstoreName.MatchString(s.Logstore) {
		return invalid("source.logstore: %.80q is not the name of a logstore", s.Logstore)
	}
	switch s.Start {
	case "", startNow, startBeginning:
	default:
		if _, err := time.Parse(time.RFC3339, s.Start); err != nil {
			return invalid("source.start: %.40q is neither %q, %q nor a time like 2006-01-02T15:04:05Z", s.Start, startNow, startBeginning)
		}
	}
	if s.End == "" {
		return nil
	}
	end, err := time.Parse(time.RFC3339, s.End)
	if err != nil {
		return invalid("source.end: %.40q is not a time like 2006-01-02T15:04:05Z", s.End)
	}
	if start, err := time.Parse(time.RFC3339, s.Start); err == nil && !start.Before(end) {
		return invalid("source.end: must be after source.start")
	}
	return nil
}

// end returns when the source ends; zero: never.
func (s *Source) end() time.Time {
	at, err := time.Parse(time.RFC3339, s.End)
	if err != nil {
		return time.Time{}
	}
	return at
}

func (l *Limits) validate() error {
	if l.Logs < 0 || l.Logs > maxBatchLogs {
		return invalid("limits.logs: must be 0 (the destination's) to %d", maxBatchLogs)
	}
	if l.Bytes < 0 || l.Bytes > maxBatchBytes {
		return invalid("limits.bytes: must be 0 (the destination's) to %d", int64(maxBatchBytes))
	}
	if l.Age < 0 || time.Duration(l.Age) > maxAge {
		return invalid("limits.age: must be 0 (the destination's) to %v", maxAge)
	}
	return nil
}

// DeadLetterStore is the logstore of the task's dead letters.
func (s *Spec) DeadLetterStore() string {
	if s.DeadLetter == "" {
		return DeadLetters
	}
	return s.DeadLetter
}

// Duration is a time.Duration that documents write as "1m30s", or as a number of seconds.
type Duration time.Duration

// MarshalJSON writes it as text.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads text or a number of seconds.
func (d *Duration) UnmarshalJSON(raw []byte) error {
	text := string(raw)
	if unquoted, err := strconv.Unquote(text); err == nil {
		parsed, err := time.ParseDuration(unquoted)
		if err != nil {
			return invalid("%.40q is not a duration like 5s or 1m30s", unquoted)
		}
		*d = Duration(parsed)
		return nil
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || seconds < 0 || seconds > maxAge.Seconds() {
		return invalid("%.40s is not a duration like \"5s\", nor 0 to %.0f seconds", text, maxAge.Seconds())
	}
	*d = Duration(seconds * float64(time.Second))
	return nil
}

// Error of a task's document, in the words of its reader.
func invalid(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "deliverytask", format, args...)
}
