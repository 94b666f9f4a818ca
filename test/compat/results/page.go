package results

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The marks around the table in docs/compat.md.
const (
	begin = "<!-- clients -->\n"
	end   = "<!-- end of clients -->"
)

const head = "| client | version | state | operations |\n|---|---|---|---|\n"

// Markdown is the table as a page shows it: for each client and state one row with all operations.
func (t Table) Markdown() string {
	type group struct {
		client, version string
		verdict         Verdict
	}
	groups := map[group][]string{}
	for key, verdict := range t {
		g := group{key.Client, key.Version, verdict}
		groups[g] = append(groups[g], key.Operation)
	}
	order := []State{Works, Partly, Refused, LeftOut, Fails}
	sorted := slices.SortedFunc(maps.Keys(groups), func(a, b group) int {
		return cmp.Or(cmp.Compare(a.client, b.client), cmp.Compare(a.version, b.version),
			cmp.Compare(slices.Index(order, a.verdict.State), slices.Index(order, b.verdict.State)), cmp.Compare(a.verdict.Note, b.verdict.Note))
	})
	var b strings.Builder
	b.WriteString(head)
	for _, g := range sorted {
		slices.Sort(groups[g])
		state := string(g.verdict.State)
		if g.verdict.Note != "" {
			state += ": " + g.verdict.Note
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", g.client, g.version, state, strings.Join(groups[g], ", "))
	}
	return b.String()
}

// Replace puts the table into a page.
func (t Table) Replace(page string) (string, error) {
	before, _, after, err := cut(page)
	if err != nil {
		return "", err
	}
	return before + begin + t.Markdown() + end + after, nil
}

// Parse reads the table that a page shows.
func Parse(page string) (Table, error) {
	_, text, _, err := cut(page)
	if err != nil {
		return nil, err
	}
	body, ok := strings.CutPrefix(text, head)
	if !ok {
		return nil, fmt.Errorf("the table of clients does not begin with %q", head)
	}
	table := Table{}
	for line := range strings.Lines(body) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 {
			return nil, fmt.Errorf("the table of clients has a row that is none: %.80s", line)
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		state, note, _ := strings.Cut(cells[3], ": ")
		for operation := range strings.SplitSeq(cells[4], ", ") {
			table[Key{cells[1], cells[2], operation}] = Verdict{State(state), note}
		}
	}
	return table, nil
}

func cut(page string) (before, table, after string, err error) {
	before, rest, ok := strings.Cut(page, begin)
	table, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return "", "", "", fmt.Errorf("the page has no part between %q and %q", strings.TrimSpace(begin), end)
	}
	return before, table, after, nil
}
