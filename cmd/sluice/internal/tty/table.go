package tty

import (
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Table lines up rows under a header in columns two spaces apart, each as wide as its widest cell. Cells may hold colours;
// numbers line up when the header of their column starts with ">".
type Table struct {
	header []string
	rows   [][]string
}

// NewTable returns a table with these columns.
func NewTable(header ...string) *Table { return &Table{header: header} }

// Add adds a row, which has a cell for each column.
func (t *Table) Add(cells ...string) { t.rows = append(t.rows, cells) }

// Fit cuts the cells of the widest columns until a line fits into width columns, if it can be done without making one narrower
// than a few characters. The columns whose numbers, from 0, are given stay whole. Cells must not hold colours.
func (t *Table) Fit(width int, whole ...int) {
	widths := t.widths()
	line := -gap
	for _, w := range widths {
		line += w + gap
	}
	for line > width {
		widest := -1
		for i, w := range widths {
			if !slices.Contains(whole, i) && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 || widths[widest] <= narrow {
			break
		}
		widths[widest]--
		line--
	}
	for i, w := range widths {
		for _, row := range t.rows {
			row[i] = shorten(row[i], w)
		}
		number := strings.HasPrefix(t.header[i], ">")
		if t.header[i] = shorten(strings.TrimPrefix(t.header[i], ">"), w); number {
			t.header[i] = ">" + t.header[i]
		}
	}
}

const (
	gap    = 2 // columns of the terminal between columns of the table
	narrow = 8 // a column that Fit leaves as it is
)

// shorten cuts s to width columns, with an ellipsis in the last one.
func shorten(s string, width int) string {
	if cellWidth(s) <= width {
		return s
	}
	end := 0
	for i := range s {
		if cellWidth(s[:i])+1 > width {
			break
		}
		end = i
	}
	return s[:end] + "…"
}

func (t *Table) widths() []int {
	widths := make([]int, len(t.header))
	for i, h := range t.header {
		widths[i] = cellWidth(strings.TrimPrefix(h, ">"))
		for _, row := range t.rows {
			widths[i] = max(widths[i], cellWidth(row[i]))
		}
	}
	return widths
}

// Write writes the table to o.
func (t *Table) Write(o *Output) error {
	widths := t.widths()
	header := make([]string, len(t.header))
	for i, h := range t.header {
		header[i] = o.Bold(strings.TrimPrefix(h, ">"))
	}
	var b strings.Builder
	t.line(&b, header, widths)
	for _, row := range t.rows {
		t.line(&b, row, widths)
	}
	_, err := o.Writer.Write([]byte(b.String()))
	return err
}

func (t *Table) line(b *strings.Builder, cells []string, widths []int) {
	var line strings.Builder
	for i, cell := range cells {
		if i > 0 {
			line.WriteString(strings.Repeat(" ", gap))
		}
		pad := strings.Repeat(" ", widths[i]-cellWidth(cell))
		if strings.HasPrefix(t.header[i], ">") {
			line.WriteString(pad + cell)
		} else {
			line.WriteString(cell + pad)
		}
	}
	b.WriteString(strings.TrimRight(line.String(), " "))
	b.WriteByte('\n')
}

func cellWidth(s string) int { return text.RuneWidthWithoutEscSequences(s) }
