package sls

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/query/behind"
	"github.com/sluicelog/sluice/internal/query/search"
)

// appendRows appends logs as a JSON array of flat objects, every value a string (reference sls-api 0.1 and 5.10).
func appendRows(b []byte, logs []query.Log) []byte {
	b = append(b, '[')
	for i := range logs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendRow(b, &logs[i])
	}
	return append(b, ']')
}

func appendRow(b []byte, l *query.Log) []byte {
	b = append(b, `{"__time__":"`...)
	b = strconv.AppendUint(b, uint64(l.Time), 10)
	b = append(b, '"')
	if l.Nanos != 0 {
		b = append(b, `,"__time_ns_part__":"`...)
		b = strconv.AppendUint(b, uint64(min(l.Nanos, math.MaxUint32)), 10)
		b = append(b, '"')
	}
	for _, f := range l.Fields { // each name once; and not __time__, which the engine hides in contents
		if f.Key == "__time_ns_part__" && l.Nanos != 0 {
			continue
		}
		b = append(b, ',')
		b = appendString(b, f.Key)
		b = append(b, ':')
		b = appendString(b, f.Value)
	}
	return append(b, '}')
}

// appendString appends s as a JSON string; what is not UTF-8 in it is replaced, and what a page could take for markup escaped.
func appendString(b []byte, s string) []byte {
	if isPlain(s) {
		return append(append(append(b, '"'), s...), '"')
	}
	text, _ := json.Marshal(s) // a string cannot fail
	return append(b, text...)
}

// isPlain says whether s is itself between quotes.
func isPlain(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c >= utf8.RuneSelf, c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}

// partBytes is when a part of a result is full. A slice that grows is copied, and the rest of it cleared, in one step that cannot be
// interrupted: with all of a large result in one, whoever wants to stop the world waits for that, and everybody else with it.
const partBytes = 1 << 20

// table writes the rows of a result as a JSON array of objects, in parts. Of columns with one name the first counts. It comes after
// everything else of the process, as the statement did: a result may be a million rows.
func table(columns []string, rows [][]string) (parts [][]byte) {
	behind.Run(func() { parts = tableParts(columns, rows, partBytes) })
	return parts
}

func tableParts(columns []string, rows [][]string, size int) (parts [][]byte) {
	names := make([][]byte, len(columns)) // nil if another column has it
	for i, name := range columns {
		if slices.Index(columns, name) == i {
			names[i] = append(appendString([]byte(","), name), ':')
		}
	}
	if len(names) > 0 {
		names[0] = names[0][1:]
	}
	b := []byte("[")
	for i, row := range rows {
		if len(b) >= size {
			parts = append(parts, b)
			b = make([]byte, 0, size+size/8)
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		for j, name := range names {
			if name != nil {
				b = appendString(append(b, name...), row[j])
			}
		}
		b = append(b, '}')
	}
	return append(parts, append(b, ']'))
}

// appendFields appends rows of fields, each name once, as objects.
func appendFields(b []byte, rows [][]sluice.Field) []byte {
	b = append(b, '[')
	for i, row := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		for j, f := range row {
			if j > 0 {
				b = append(b, ',')
			}
			b = appendString(append(appendString(b, f.Key), ':'), f.Value)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// keysOf lists the names of the fields of rows, in the order in which they come up.
func keysOf(rows [][]sluice.Field) []string {
	var keys []string
	seen := map[string]bool{}
	for _, row := range rows {
		for _, f := range row {
			if !seen[f.Key] {
				seen[f.Key] = true
				keys = append(keys, f.Key)
			}
		}
	}
	return keys
}

// highlights gives for each log the fields that the search found it by, with marks in their text.
func highlights(found *query.Found) []map[string]string {
	all := make([]map[string]string, len(found.Logs))
	for i := range found.Logs {
		all[i] = map[string]string{}
		for _, f := range found.Logs[i].Fields {
			if text, marked := emphasized(f, found.Marks[i]); marked {
				all[i][f.Key] = text
			}
		}
	}
	return all
}

// emphasized is the text of a field with marks in it, if it has any.
func emphasized(f sluice.Field, marks []search.Mark) (string, bool) {
	var b strings.Builder
	at := 0
	for _, m := range marks { // in order, and not over each other
		if m.Field == f.Key {
			b.WriteString(f.Value[at:m.Start] + "<em>" + f.Value[m.Start:m.End] + "</em>")
			at = m.End
		}
	}
	b.WriteString(f.Value[at:])
	return b.String(), at > 0
}
