package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The page is docs/benchmarks.md. Its numbers stand between the lines
//
//	<!-- numbers: NAME -->
//	<!-- end -->
//
// and are written by bench -page; what they mean is written by hand.

const (
	pageBegin, pageName = "<!-- numbers: ", " -->\n"
	pageEnd             = "<!-- end -->\n"
)

// tables are what a page can show of a report.
func (r *Report) tables() map[string]func(io.Writer) {
	tables := map[string]func(io.Writer){"machine": r.machine}
	for _, name := range []string{"hub", "search", "sets", "bombs", "delivery", "control", "trail", "audit", "agents"} {
		tables[name] = func(w io.Writer) { r.results(w, name) }
	}
	for _, d := range datasets {
		tables["asked "+d.name] = func(w io.Writer) { r.questions(w, d.name) }
	}
	return tables
}

// print writes every table that has something to show.
func (r *Report) print(w io.Writer) {
	tables := r.tables()
	names := []string{"machine", "hub", "search", "asked weblogs", "sets", "asked app", "asked text", "asked hostile", "bombs", "delivery", "control", "trail", "audit", "agents"}
	for _, name := range names {
		var table bytes.Buffer
		if tables[name](&table); table.Len() > 0 {
			fmt.Fprintf(w, "\n%s", table.Bytes())
		}
	}
}

// rewrite puts the tables into a page. A table without a number leaves what stands there.
func (r *Report) rewrite(page string) (string, error) {
	tables := r.tables()
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(page, pageBegin)
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, rest, named := strings.Cut(rest, pageName)
		old, rest, ended := strings.Cut(rest, pageEnd)
		table := tables[name]
		if !named || !ended || table == nil {
			return "", fmt.Errorf("the page has no end of %q, or no such table exists", name)
		}
		var b bytes.Buffer
		if table(&b); b.Len() == 0 {
			b.WriteString(old)
		}
		out.WriteString(pageBegin + name + pageName + b.String() + pageEnd)
		page = rest
	}
}

// writePage rewrites the file name.
func (r *Report) writePage(name string) error {
	old, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	page, err := r.rewrite(string(old))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, []byte(page), 0o644)
}

func (r *Report) machine(w io.Writer) {
	m := r.Machine
	fmt.Fprintf(w, "%s, %d cores, %.1f GiB, Linux %s, %s, fsync of 256 KB p50 %.2f ms, p99 %.2f ms, load average %.1f; %s; %s\n",
		m.CPU, m.Cores, m.MemoryGiB, m.Kernel, m.FS, m.FsyncP50, m.FsyncP99, m.Load, r.Version, r.Time.Format(time.DateOnly))
}

// results is a table of single numbers: goal, measured, met.
func (r *Report) results(w io.Writer, table string) {
	first := true
	for _, res := range r.Results {
		if res.Table != table {
			continue
		}
		if first {
			fmt.Fprint(w, "| | unit | goal | measured | least to most | |\n|---|---|---|---|---|---|\n")
			first = false
		}
		spread := fmt.Sprintf("%.4g to %.4g", slices.Min(res.Values), slices.Max(res.Values))
		if len(res.Values) == 1 {
			spread = "once"
		}
		fmt.Fprintf(w, "| %s | %s | %s | %.4g | %s | %s |\n", res.What, res.Unit, res.Goal, res.Median, spread, verdict(res.Goal, res.Median))
	}
}

// peers are what others take for the web-log questions on such a machine, hot, in milliseconds: VictoriaLogs v1.26 and Loki (main, August
// 2026), with their defaults.
var peers = map[string][2]string{
	"id": {"5", "1600"}, "newest": {"220", ""}, "count": {"140", "2000"}, "minutes": {"195", ""}, "status": {"30", "3000"},
	"hosts": {"400", ""}, "uris": {"55", ""}, "distinct": {"840", ""}, "regex": {"165", ""},
}

// questions is a table of questions, in milliseconds.
func (r *Report) questions(w io.Writer, set string) {
	first := true
	for _, a := range r.Asked {
		if a.Set != set {
			continue
		}
		if first {
			header := []string{"ms", "hot", "cold", "8 users, p99", "DuckDB alone", "over it"}
			if set == weblogs.name {
				header = append(slices.Insert(header, 1, "goal, hot"), "VictoriaLogs", "Loki", "")
			}
			writeRow(w, header...)
			fmt.Fprintf(w, "%s|\n", strings.Repeat("|---", len(header)))
			first = false
		}
		row := []string{a.What, cell(a.Hot), cell(a.Cold), cell(a.Users), cell(a.Floor), a.overFloor()}
		if set == weblogs.name {
			goal := ""
			if a.Goal > 0 {
				goal = fmt.Sprintf("≤ %g", a.Goal)
			}
			row = append(slices.Insert(row, 1, goal), peers[a.Name][0], peers[a.Name][1], verdict(goal, median(a.Hot)))
		}
		writeRow(w, row...)
	}
}

// overFloor is what a statement costs more through the server than in DuckDB alone, in bold if that is more than a fifth and more than 10 ms;
// "" where there is no SQL or no floor.
func (a *Asked) overFloor() string {
	if len(a.Floor) == 0 || len(a.Hot) == 0 || !strings.Contains(a.Statement, " | ") {
		return ""
	}
	floor := median(a.Floor)
	over := median(a.Hot) - floor
	text := fmt.Sprintf("%+.1f", over)
	if over > max(floor/5, 10) {
		return "**" + text + "**"
	}
	return text
}

func writeRow(w io.Writer, cells ...string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }

// cell is a median in a table.
func cell(s sample) string {
	switch m := median(s); {
	case len(s) == 0:
		return ""
	case m < 10:
		return strconv.FormatFloat(m, 'f', 1, 64)
	default:
		return strconv.FormatFloat(m, 'f', 0, 64)
	}
}

// verdict says whether a value reaches a goal, "" if there is none.
func verdict(goal string, value float64) string {
	var bound float64
	if _, err := fmt.Sscanf(goal, "≤ %g", &bound); err == nil {
		return map[bool]string{true: "met", false: "**not met**"}[value <= bound]
	}
	if _, err := fmt.Sscanf(goal, "≥ %g", &bound); err == nil {
		return map[bool]string{true: "met", false: "**not met**"}[value >= bound]
	}
	return ""
}
