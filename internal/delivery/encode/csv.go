package encode

import (
	"slices"
	"strings"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// CSVOptions shape comma-separated values; quoting is as in PostgreSQL's COPY and RFC 4180.
type CSVOptions struct {
	// Columns are the fields to write, in order. Without them they are those of the first log of the batch, and a log
	// that has others is refused: name the fields in the task, then all logs have the same.
	Columns   []string `json:"columns,omitempty"`
	Delimiter string   `json:"delimiter,omitempty"` // one of , | ; a space, \t [,]
	// Quote is put around values that need it, and doubled in them ["]. "none" is no quote: logs whose values would need it are refused.
	Quote    string `json:"quote,omitempty"`
	LineFeed string `json:"lineFeed,omitempty"` // \n or \r\n [\n]
	// Null stands for a field that the log does not have []. A value that looks like it is quoted, so that readers can tell.
	Null   string `json:"nullIdentifier,omitempty"`
	Header bool   `json:"header,omitempty"` // a first line with the names of the columns
}

// maxColumns is how many columns a task may declare.
const maxColumns = 1000

func (o *CSVOptions) validate() error {
	switch Unescape(o.Delimiter) {
	case "", ",", "|", ";", " ", "\t":
	default:
		return invalid("csv.delimiter", `%.40q is none of , | ; a space and \t`, o.Delimiter)
	}
	if q := o.Quote; q != "" && q != "none" && (len(q) != 1 || q[0] <= ' ' || q[0] >= 0x7f || isAlphanumeric(q[0]) || q == Unescape(o.delimiter())) {
		return invalid("csv.quote", "%.40q must be one character of punctuation other than the delimiter, or none", q)
	}
	switch Unescape(o.LineFeed) {
	case "", "\n", "\r\n":
	default:
		return invalid("csv.lineFeed", `%.40q is neither \n nor \r\n`, o.LineFeed)
	}
	if len(o.Null) > 64 || strings.ContainsAny(o.Null, "\r\n"+o.delimiter()) || o.quote() != "" && strings.Contains(o.Null, o.quote()) {
		return invalid("csv.nullIdentifier", "%.80q must be at most 64 bytes without delimiter, quote and line ends", o.Null)
	}
	return validateColumns("csv.columns", o.Columns)
}

func validateColumns(path string, names []string) error {
	if len(names) > maxColumns {
		return invalid(path, "%d columns are over the limit of %d", len(names), maxColumns)
	}
	seen := map[string]bool{}
	for i, name := range names {
		if name == "" || seen[name] {
			return invalid(path, "the name %.80q of column %d is empty or given twice", name, i+1)
		}
		seen[name] = true
	}
	return nil
}

func (o *CSVOptions) delimiter() string {
	if o.Delimiter == "" {
		return ","
	}
	return Unescape(o.Delimiter)
}

func (o *CSVOptions) quote() string {
	switch o.Quote {
	case "":
		return `"`
	case "none":
		return ""
	}
	return o.Quote
}

func (o *CSVOptions) lineFeed() string {
	if o.LineFeed == "" {
		return "\n"
	}
	return Unescape(o.LineFeed)
}

// csvRow writes logs as lines without their end.
type csvRow struct {
	o         CSVOptions
	columns   columns
	delimiter byte
	quote     string
	special   string // what makes a value need quotes
	double    *strings.Replacer
}

func newCSVRow(o CSVOptions) *csvRow {
	r := &csvRow{o: o, columns: newColumns(o.Columns), delimiter: o.delimiter()[0], quote: o.quote()}
	r.special = string(r.delimiter) + r.quote + "\r\n"
	r.double = strings.NewReplacer(r.quote, r.quote+r.quote)
	return r
}

func (r *csvRow) Append(dst []byte, e *sink.Entry) ([]byte, error) {
	values, err := r.columns.of(e)
	if err != nil {
		return dst, err
	}
	start := len(dst)
	for i, f := range values {
		if i > 0 {
			dst = append(dst, r.delimiter)
		}
		if f == nil || f.Kind == sink.Absent {
			dst = append(dst, r.o.Null...)
			continue
		}
		var ok bool
		if dst, ok = r.value(dst, f.Value); !ok {
			r.columns.forget()
			return dst[:start], &sink.Refused{Count: 1, Reason: "the value of " + valid(f.Key) + " needs quotes, and the format has none"}
		}
	}
	r.columns.kept = true
	return dst, nil
}

// value writes a value; ok is false if it would need quotes and there are none.
func (r *csvRow) value(dst []byte, s string) (out []byte, ok bool) {
	if s != r.o.Null && !strings.ContainsAny(s, r.special) {
		return appendValid(dst, s), true
	}
	if r.quote == "" {
		return append(dst, s...), s == r.o.Null
	}
	dst = append(dst, r.quote...)
	dst = append(dst, r.double.Replace(valid(s))...)
	return append(dst, r.quote...), true
}

// header writes the names of the columns as e, the first log, makes them.
func (r *csvRow) header(dst []byte, e *sink.Entry) []byte {
	r.columns.fix(e)
	for i, name := range r.columns.names {
		if i > 0 {
			dst = append(dst, r.delimiter)
		}
		dst, _ = r.value(dst, name)
	}
	return append(dst, r.o.lineFeed()...)
}

// columns finds the fields of logs that belong to columns.
type columns struct {
	names    []string
	declared bool
	kept     bool // there is a log with these columns
	places   map[string]int
	found    []*sink.Field
}

func newColumns(names []string) columns {
	c := columns{}
	if len(names) > 0 {
		c.declared = true
		c.set(names)
	}
	return c
}

func (c *columns) set(names []string) {
	c.names = names
	c.places = make(map[string]int, len(names))
	for i, name := range names {
		c.places[name] = i
	}
	c.found = make([]*sink.Field, len(names))
}

// fix takes the columns from e unless there are some.
func (c *columns) fix(e *sink.Entry) {
	if c.names != nil {
		return
	}
	names := make([]string, 0, len(e.Fields))
	for i := range e.Fields {
		if name := strings.Clone(e.Fields[i].Key); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	c.set(names)
}

// forget gives up the columns of a log that is refused after all.
func (c *columns) forget() {
	if !c.declared && !c.kept {
		c.names = nil
	}
}

// of returns the fields of e by column, nil for those that it does not have; they are valid until the next call.
func (c *columns) of(e *sink.Entry) ([]*sink.Field, error) {
	c.fix(e)
	clear(c.found)
	for i := range e.Fields {
		f := &e.Fields[i]
		if i < len(c.names) && c.names[i] == f.Key { // nearly always
			c.found[i] = f
			continue
		}
		place, ok := c.places[f.Key]
		if !ok && !c.declared {
			return nil, &sink.Refused{Count: 1, Reason: "the field " + valid(f.Key) + " is no column: name the fields of the task, or the columns of the format"}
		}
		if ok {
			c.found[place] = f
		}
	}
	return c.found, nil
}
