package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/jmespath/go-jmespath"
	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/record"
	"github.com/sluicelog/sluice/cmd/sluice/internal/sheet"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
	"github.com/sluicelog/sluice/internal/logline"
)

// results takes the pages of a query and writes them in a format, to standard output or a file.
type results struct {
	app    *app
	query  *jmespath.JMESPath // of each log, nil for none
	to     *tty.Output
	format string // of record or of sheet
	field  string
	kinds  func() map[string]sheet.Kind // of the fields of a search, for formats that know kinds

	buffer *bufio.Writer
	spool  *sheet.Spool // of formats that write columns
	lined  *client.Logs // the first page of what is written as a table; all rows of it make one
	rows   []client.Row // of that table
	path   string       // of the file, "" for standard output
	part   string       // what it is called until it is whole, "" for what is no regular file
	file   *os.File
	getenv func(string) string
}

// results checks what --output and --out ask for. It makes no file yet.
func (a *app) results(cmd *cobra.Command, path, field string) (*results, error) {
	r := &results{app: a, to: a.out, path: path, field: field, format: a.output, getenv: a.getenv}
	var err error
	if r.query, err = a.lineQuery(cmd); err != nil {
		return nil, err
	}
	if r.query != nil {
		r.format = string(record.JSON)
	}
	if extension := strings.TrimPrefix(filepath.Ext(path), "."); r.format == "" && sheet.Is(extension) {
		r.format = extension
	}
	if r.format == "" {
		r.format = string(record.JSON)
		if path == "" && a.out.Terminal() {
			r.format = string(record.Table)
		}
	}
	if !sheet.Is(r.format) {
		if _, err := record.ParseFormat(r.format, record.Table, record.JSON, record.Raw); err != nil {
			return nil, misused(cmd, fmt.Errorf("output %q is not one of table, json, raw, %s", r.format, strings.Join(sheet.Formats, ", ")))
		}
	}
	if sheet.Binary(r.format) && path == "" && a.out.Terminal() {
		return nil, misused(cmd, fmt.Errorf("%s is nothing for a terminal: say --out FILE", r.format))
	}
	return r, nil
}

// open makes the file, if there is to be one.
func (r *results) open() error {
	if r.path != "" {
		name := r.path
		if info, err := os.Stat(name); err != nil || info.Mode().IsRegular() {
			r.part = name + ".part"
			name = r.part
		}
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
		if err != nil {
			return err
		}
		r.file, r.to = file, tty.New(file, r.getenv)
	}
	r.buffer = bufio.NewWriterSize(r.to, 64<<10)
	return nil
}

// page writes rows of a page.
func (r *results) page(l *client.Logs, rows []client.Row) error {
	switch {
	case sheet.Is(r.format):
		return r.keep(l, rows)
	case r.format == string(record.JSON):
		return r.objects(rows)
	case l.Table() && r.format == string(record.Raw):
		return r.cells(l, rows)
	case l.Table():
		if r.lined == nil {
			r.lined = l
		}
		r.rows = append(r.rows, rows...)
		return nil
	}
	return r.logs(l, rows)
}

// logs writes logs as pull and tail do.
func (r *results) logs(l *client.Logs, rows []client.Row) error {
	p := record.Printer{To: r.buffer, Out: r.to, Format: record.Format(r.format), Field: r.field}
	p.Mark = newMarker(l.Terms, r.to.Marked).in
	for _, row := range rows {
		e := record.Of(row)
		if r.field == client.RowIDField { // for people it is noise otherwise
			e.Record.Fields = append(e.Record.Fields, sluice.Field{Key: client.RowIDField, Value: e.RowID})
		}
		if err := p.Print(&sluice.LogGroup{Topic: e.Topic, Source: e.Source, Tags: e.Tags}, &e.Record); err != nil {
			return err
		}
	}
	return r.buffer.Flush()
}

func (r *results) objects(rows []client.Row) error {
	var line []byte
	var to io.Writer = r.buffer
	if r.query != nil {
		to = &queriedLines{r.app, r.query, r.buffer}
	}
	for _, row := range rows {
		line = append(logline.AppendObject(line[:0], row), '\n')
		if _, err := to.Write(line); err != nil {
			return err
		}
	}
	return r.buffer.Flush()
}

// cells writes rows of a result with tabs between.
func (r *results) cells(l *client.Logs, rows []client.Row) error {
	for _, row := range rows {
		for i, key := range columnsOf(l) {
			text := row.Get(key)
			if r.to.Terminal() {
				text = tty.VisibleLines(text)
			}
			if i > 0 {
				text = "\t" + text
			}
			r.buffer.WriteString(text) //nolint:errcheck // the writer keeps its first error for Flush
		}
		r.buffer.WriteByte('\n') //nolint:errcheck // as above
	}
	return r.buffer.Flush()
}

// table writes a result under a header, numbers to the right, cut to the width of a terminal.
func (r *results) table() error {
	l := r.lined
	columns := columnsOf(l)
	if len(columns) == 0 {
		return nil
	}
	header := make([]string, len(columns))
	for i, name := range columns {
		header[i] = tty.Visible(name)
		if i < len(l.ColumnTypes) && sheet.ParseKind(l.ColumnTypes[i]).Numeric() {
			header[i] = ">" + header[i]
		}
	}
	table := tty.NewTable(header...)
	for _, row := range r.rows {
		cells := make([]string, len(columns))
		for i, name := range columns {
			cells[i] = tty.Visible(row.Get(name))
		}
		table.Add(cells...)
	}
	if r.to.Terminal() {
		table.Fit(r.to.Width())
	}
	return table.Write(r.to)
}

// columnsOf lists the columns of a result in the order of the statement.
func columnsOf(l *client.Logs) []string {
	if len(l.Keys) > 0 || len(l.Rows) == 0 {
		return l.Keys
	}
	var names []string
	for _, f := range l.Rows[0] {
		names = append(names, f.Key)
	}
	return names
}

// keep puts rows aside until all columns are known.
func (r *results) keep(l *client.Logs, rows []client.Row) error {
	if r.spool == nil {
		columns := []string{"__time__"} // every log has it, and a file of none still says so
		kinds := map[string]sheet.Kind{}
		if l.Table() {
			columns = columnsOf(l)
			for i, name := range columns[:min(len(columns), len(l.ColumnTypes))] {
				kinds[name] = sheet.ParseKind(l.ColumnTypes[i])
			}
		} else if sheet.Binary(r.format) {
			kinds = r.kinds()
		}
		var err error
		if r.spool, err = sheet.NewSpool(columns, kinds); err != nil {
			return err
		}
	}
	for _, row := range rows {
		if r.to.Terminal() {
			row = visibleRow(row)
		}
		if err := r.spool.Add(row); err != nil {
			return err
		}
	}
	return nil
}

// visibleRow is a row with nothing in it that a terminal would act on.
func visibleRow(row client.Row) client.Row {
	visible := make(client.Row, len(row))
	for i, f := range row {
		visible[i] = sluice.Field{Key: tty.Visible(f.Key), Value: tty.VisibleLines(f.Value)}
	}
	return visible
}

// finish writes what was put aside and gives the file its name.
func (r *results) finish() error {
	if r.lined != nil {
		if err := r.table(); err != nil {
			return err
		}
	}
	if r.spool != nil {
		if err := r.spool.WriteTo(r.format, r.buffer); err != nil {
			return err
		}
	}
	if err := r.buffer.Flush(); err != nil || r.file == nil {
		return err
	}
	err := r.file.Close()
	r.file = nil
	if err != nil || r.part == "" {
		return err
	}
	return os.Rename(r.part, r.path)
}

// close removes what is not whole.
func (r *results) close() error {
	var err error
	if r.spool != nil {
		err = r.spool.Close()
	}
	if r.file != nil {
		err = errors.Join(err, r.file.Close())
		if r.part != "" {
			err = errors.Join(err, os.Remove(r.part))
		}
	}
	return err
}
