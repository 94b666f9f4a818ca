package sheet

import (
	"archive/zip"
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// What a spreadsheet can hold.
const (
	maxSheetRows    = 1 << 20
	maxSheetColumns = 1 << 14
	maxSheetCell    = 32767     // UTF-16 units
	maxSheetLong    = 1<<53 - 1 // numbers are doubles there; larger ones are written as text
	cutMark         = " …[cut]" // ends a text that was longer
)

// xlsxWriter writes a workbook of one sheet, row by row. Texts are written in place, so that the file can be written in one
// pass; they are never formulas, whatever they begin with.
type xlsxWriter struct {
	columns []Column
	zip     *zip.Writer
	sheet   *bufio.Writer
	rows    int
}

// The parts around the sheet (ECMA-376, part 1 and 2). Style 1 is bold, for the header, which stays when the rest is scrolled.
var parts = []struct{ name, text string }{
	{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Default Extension="xml" ContentType="application/xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>` +
		`<Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>` +
		`<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>` +
		`</Types>`},
	{"_rels/.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/>` +
		`</Relationships>`},
	{"xl/workbook.xml", `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" ` +
		`xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">` +
		`<sheets><sheet name="logs" sheetId="1" r:id="rId1"/></sheets></workbook>`},
	{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>` +
		`<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/>` +
		`</Relationships>`},
	{"xl/styles.xml", `<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">` +
		`<fonts count="2"><font/><font><b/></font></fonts>` +
		`<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>` +
		`<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>` +
		`<cellXfs count="2"><xf/><xf fontId="1" applyFont="1"/></cellXfs></styleSheet>`},
}

func newXLSX(w io.Writer, columns []Column) (Writer, error) {
	if len(columns) > maxSheetColumns {
		return nil, fmt.Errorf("%d columns do not fit into a spreadsheet, which has %d; use csv or parquet", len(columns), maxSheetColumns)
	}
	x := &xlsxWriter{columns: columns, zip: zip.NewWriter(w)}
	for _, part := range parts {
		if err := x.part(part.name, part.text); err != nil {
			return nil, err
		}
	}
	if err := x.part("xl/worksheets/sheet1.xml", ""); err != nil {
		return nil, err
	}
	x.sheet.WriteString(`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews>` + //nolint:errcheck // Flush tells
		`<sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" state="frozen"/></sheetView></sheetViews><sheetData>`)
	header := make([]string, len(columns))
	for i, c := range columns {
		header[i] = textCell(c.Name, ` s="1"`)
	}
	return x, x.row(header)
}

// part begins a part of the package with a text.
func (x *xlsxWriter) part(name, text string) error {
	w, err := x.zip.Create(name)
	if err != nil {
		return err
	}
	x.sheet = bufio.NewWriter(w)
	x.sheet.WriteString(xml.Header + text) //nolint:errcheck // Flush tells
	return x.sheet.Flush()
}

func (x *xlsxWriter) Write(row []Cell) error {
	if x.rows == maxSheetRows {
		return fmt.Errorf("more than %d logs do not fit into a spreadsheet; use csv or parquet", maxSheetRows-1)
	}
	cells := make([]string, len(row))
	for i, cell := range row {
		switch {
		case cell.Null:
			cells[i] = "<c/>"
		default:
			cells[i] = textCell(cell.Text, "")
			if n := number(x.columns[i].Kind, cell.Text); n != "" {
				cells[i] = "<c><v>" + n + "</v></c>"
			}
		}
	}
	return x.row(cells)
}

// row writes cells, which follow each other from the first column on.
func (x *xlsxWriter) row(cells []string) error {
	x.rows++
	_, err := x.sheet.WriteString("<row>" + strings.Join(cells, "") + "</row>")
	return err
}

// number writes a number as a spreadsheet does; "" if it is none there, or would become another one.
func number(k Kind, text string) string {
	switch k {
	case Long:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n <= maxSheetLong && n >= -maxSheetLong {
			return strconv.FormatInt(n, 10)
		}
	case Double:
		if f, err := strconv.ParseFloat(text, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
	}
	return ""
}

// textCell is a cell of text. What XML cannot hold becomes U+FFFD.
func textCell(s, style string) string {
	var b strings.Builder
	b.WriteString(`<c t="inlineStr"` + style + `><is><t xml:space="preserve">`)
	xml.EscapeText(&b, []byte(fit(s))) //nolint:errcheck // a Builder does not fail
	b.WriteString("</t></is></c>")
	return b.String()
}

// fit cuts a text to what a cell can hold.
func fit(s string) string {
	if len(s) <= maxSheetCell {
		return s
	}
	units := 0
	for i, r := range s {
		units += utf16.RuneLen(r)
		if units > maxSheetCell-utf8.RuneCountInString(cutMark) {
			return s[:i] + cutMark
		}
	}
	return s
}

func (x *xlsxWriter) Close() error {
	x.sheet.WriteString("</sheetData></worksheet>") //nolint:errcheck // Flush tells
	if err := x.sheet.Flush(); err != nil {
		return err
	}
	return x.zip.Close()
}
