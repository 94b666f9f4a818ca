package sheet_test

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/cmd/sluice/internal/sheet"
)

// rows have fields that come and go, numbers that are none, and names and texts that formats have trouble with.
var rows = [][]sluice.Field{
	{{Key: "__time__", Value: "1700000000"}, {Key: "z\"<,", Value: "=1+1"}, {Key: "n", Value: "9007199254740993"}, {Key: "d", Value: "1.5e3"}},
	{{Key: "__time__", Value: "1700000001"}, {Key: "日志", Value: "a,\"b\"\nc\x01"}, {Key: "n", Value: "null"}, {Key: "d", Value: "Infinity"}},
	{{Key: "mixed", Value: "7"}, {Key: "n", Value: "42"}, {Key: "b", Value: "true"}, {Key: "", Value: " x "}},
	{{Key: "mixed", Value: "seven"}, {Key: "z\"<,", Value: "null"}},
}

var kinds = map[string]sheet.Kind{
	"__time__": sheet.Long, "n": sheet.Long, "d": sheet.Double, "mixed": sheet.Long, "b": sheet.Bool,
}

func write(t *testing.T, format string, columns []string, rows ...[]sluice.Field) []byte {
	t.Helper()
	s, err := sheet.NewSpool(columns, kinds)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, row := range rows {
		if err := s.Add(row); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := s.WriteTo(format, &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestCSV(t *testing.T) {
	want := "n,__time__,\"z\"\"<,\",d,日志,mixed,b,\n" +
		"9007199254740993,1700000000,=1+1,1.5e3,,,,\n" +
		",1700000001,,Infinity,\"a,\"\"b\"\"\nc\x01\",,,\n" +
		"42,,,,,7,true,\" x \"\n" +
		",,null,,,seven,,\n"
	if diff := cmp.Diff(want, string(write(t, sheet.CSV, []string{"n"}, rows...))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if out := write(t, sheet.CSV, nil); len(out) != 0 {
		t.Errorf("of nothing: %q", out)
	}
}

func TestParquet(t *testing.T) {
	raw := write(t, sheet.Parquet, []string{"n"}, rows...)
	file, err := parquet.OpenFile(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	var names, types []string
	for _, f := range file.Schema().Fields() {
		names = append(names, f.Name())
		types = append(types, f.Type().String())
	}
	if diff := cmp.Diff([]string{"n", "__time__", "z\"<,", "d", "日志", "mixed", "b", ""}, names); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"INT64", "INT64", "STRING", "DOUBLE", "STRING", "STRING", "BOOLEAN", "STRING"}, types); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
	var got []string
	for _, group := range file.RowGroups() {
		r := group.Rows()
		defer r.Close()
		buf := make([]parquet.Row, 10)
		n, err := r.ReadRows(buf)
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		for _, row := range buf[:n] {
			got = append(got, fmt.Sprintf("%v", row))
		}
	}
	want := []string{
		"[9007199254740993 1700000000 =1+1 1500 <null> <null> <null> <null>]",
		"[<null> 1700000001 <null> +Inf a,\"b\"\nc\x01 <null> <null> <null>]",
		"[42 <null> <null> <null> <null> 7 true  x ]",
		"[<null> <null> null <null> <null> seven <null> <null>]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestParquetManyRows(t *testing.T) {
	const n = 250_000
	s, err := sheet.NewSpool(nil, kinds)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range n {
		if err := s.Add([]sluice.Field{{Key: "n", Value: fmt.Sprint(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := s.WriteTo(sheet.Parquet, &out); err != nil {
		t.Fatal(err)
	}
	file, err := parquet.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if file.NumRows() != n || len(file.RowGroups()) < 2 {
		t.Errorf("%d rows in %d groups", file.NumRows(), len(file.RowGroups()))
	}
}

// workbook is what a spreadsheet reads of an XLSX file.
type workbook struct {
	Rows []struct {
		Cells []struct {
			Type  string `xml:"t,attr"`
			Style string `xml:"s,attr"`
			Value string `xml:"v"`
			Text  string `xml:"is>t"`
		} `xml:"c"`
	} `xml:"sheetData>row"`
}

func readXLSX(t *testing.T, raw []byte) (cells [][]string) {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	var book workbook
	for _, f := range archive.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		v := any(&struct{}{})
		if f.Name == "xl/worksheets/sheet1.xml" {
			v = &book
		}
		if err := xml.NewDecoder(in).Decode(v); err != nil {
			t.Errorf("%s is no XML: %v", f.Name, err)
		}
	}
	for _, row := range book.Rows {
		var line []string
		for _, c := range row.Cells {
			line = append(line, strings.Trim(c.Type+c.Style+":"+c.Value+c.Text, ":"))
		}
		cells = append(cells, line)
	}
	return cells
}

func TestXLSX(t *testing.T) {
	want := [][]string{
		{"inlineStr1:n", "inlineStr1:__time__", "inlineStr1:z\"<,", "inlineStr1:d", "inlineStr1:日志", "inlineStr1:mixed", "inlineStr1:b", "inlineStr1"},
		{"inlineStr:9007199254740993", "1700000000", "inlineStr:=1+1", "1500", "", "", "", ""},
		{"", "1700000001", "", "inlineStr:Infinity", "inlineStr:a,\"b\"\nc\ufffd", "", "", ""},
		{"42", "", "", "", "", "inlineStr:7", "inlineStr:true", "inlineStr: x "},
		{"", "", "inlineStr:null", "", "", "inlineStr:seven", "", ""},
	}
	if diff := cmp.Diff(want, readXLSX(t, write(t, sheet.XLSX, []string{"n"}, rows...))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A spreadsheet refuses a file with more than it can hold, so there never is one.
func TestXLSXLimits(t *testing.T) {
	long := strings.Repeat("日", 20_000) + strings.Repeat("😀", 20_000)
	got := strings.TrimPrefix(readXLSX(t, write(t, sheet.XLSX, nil, []sluice.Field{{Key: "text", Value: long}}))[1][0], "inlineStr:")
	if n := len(utf16.Encode([]rune(got))); n > 32767 || n < 32000 || !strings.HasSuffix(got, "[cut]") {
		t.Errorf("a cell of %d units that ends in %q", n, got[len(got)-20:])
	}
	wide := make([]sheet.Column, 1<<14+1)
	if _, err := sheet.New(sheet.XLSX, io.Discard, wide); err == nil || !strings.Contains(err.Error(), "use csv") {
		t.Errorf("too many columns: %v", err)
	}
	w, err := sheet.New(sheet.XLSX, io.Discard, []sheet.Column{{Name: "a"}})
	for err == nil {
		err = w.Write([]sheet.Cell{{Null: true}})
	}
	if !strings.Contains(err.Error(), "more than 1048575 logs") {
		t.Errorf("too many rows: %v", err)
	}
}

func TestSpoolLeavesNoFile(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	write(t, sheet.CSV, nil, rows...)
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestParseKind(t *testing.T) {
	for name, want := range map[string]sheet.Kind{
		"bigint": sheet.Long, "INTEGER": sheet.Long, "double": sheet.Double, "boolean": sheet.Bool, "varchar": sheet.Text,
		"decimal(10,2)": sheet.Text, "": sheet.Text,
	} {
		if got := sheet.ParseKind(name); got != want {
			t.Errorf("ParseKind(%q) = %v, want %v", name, got, want)
		}
	}
}
