package control

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Charts are members of their dashboard's document, known by their title. They are changed with it, in one transaction.

const (
	maxCharts  = 100
	chartNoun  = "chart"
	chartTitle = "title"
)

func checkDashboard(d Document) error {
	err := members{{"displayName", aText, false}, {"description", aText, false}, {"attribute", anObject, false}, {"charts", anArray, false}}.check(d)
	if err != nil {
		return err
	}
	charts, err := chartsOf(d)
	if err != nil {
		return err
	}
	if len(charts) > maxCharts {
		return sluice.Errorf(sluice.Invalid, "", "it has %d charts, more than %d", len(charts), maxCharts)
	}
	return nil
}

func fillDashboard(d Document, _ meta.Document) {
	fillTexts("displayName", "", "description", "")(d, meta.Document{})
	d.Fill("charts", []string{})
}

// chartsOf are the charts of a dashboard.
func chartsOf(d Document) ([]Document, error) {
	charts := []Document{}
	if d.Has("charts") {
		if err := json.Unmarshal(d["charts"], &charts); err != nil || slices.ContainsFunc(charts, func(c Document) bool { return c == nil }) {
			return nil, sluice.Errorf(sluice.Invalid, "", "charts is not an array of objects")
		}
	}
	return charts, nil
}

func chartAt(charts []Document, name string) int {
	return slices.IndexFunc(charts, func(c Document) bool { return c.Text(chartTitle) == name })
}

func noChart(name string) error {
	return sluice.Errorf(sluice.NotFound, chartNoun, "chart %s does not exist", name)
}

// parseChart reads a chart and its title.
func parseChart(raw []byte) (Document, string, error) {
	d, err := Parse(Dashboards, raw)
	if err != nil {
		return nil, "", err
	}
	if err := want(d, chartTitle, aText, true); err != nil {
		return nil, "", Dashboards.invalid("invalid chart: %v", err)
	}
	return d, d.Text(chartTitle), nil
}

// CreateChart adds a chart to a dashboard. Errors: AlreadyExists "chart".
func (c *Control) CreateChart(ctx context.Context, project, dashboard string, raw []byte) error {
	chart, name, err := parseChart(raw)
	if err != nil {
		return err
	}
	return c.changeCharts(ctx, project, dashboard, func(charts []Document) ([]Document, error) {
		if chartAt(charts, name) >= 0 {
			return nil, sluice.Errorf(sluice.AlreadyExists, chartNoun, "chart %s already exists", name)
		}
		return append(charts, chart), nil
	})
}

// UpdateChart replaces a chart; an empty name is that of the document. Errors: NotFound "chart".
func (c *Control) UpdateChart(ctx context.Context, project, dashboard, name string, raw []byte) error {
	chart, title, err := parseChart(raw)
	if err != nil {
		return err
	}
	if name == "" {
		name = title
	}
	return c.changeCharts(ctx, project, dashboard, func(charts []Document) ([]Document, error) {
		i := chartAt(charts, name)
		if i < 0 {
			return nil, noChart(name)
		}
		if j := chartAt(charts, title); j >= 0 && j != i {
			return nil, sluice.Errorf(sluice.AlreadyExists, chartNoun, "chart %s already exists", title)
		}
		charts[i] = chart
		return charts, nil
	})
}

// DeleteChart removes a chart. Errors: NotFound "chart".
func (c *Control) DeleteChart(ctx context.Context, project, dashboard, name string) error {
	return c.changeCharts(ctx, project, dashboard, func(charts []Document) ([]Document, error) {
		i := chartAt(charts, name)
		if i < 0 {
			return nil, noChart(name)
		}
		return slices.Delete(charts, i, i+1), nil
	})
}

// Chart returns a chart. Errors: NotFound "chart".
func (c *Control) Chart(ctx context.Context, project, dashboard, name string) (Document, error) {
	d, err := c.Get(ctx, Place{Scope: project}, Dashboards, dashboard)
	if err != nil {
		return nil, err
	}
	charts, err := chartsOf(d)
	if err != nil {
		return nil, err
	}
	if i := chartAt(charts, name); i >= 0 {
		return charts[i], nil
	}
	return nil, noChart(name)
}

func (c *Control) changeCharts(ctx context.Context, project, dashboard string, change func([]Document) ([]Document, error)) error {
	return c.Change(ctx, Place{Scope: project}, Dashboards, dashboard, func(d Document) error {
		charts, err := chartsOf(d)
		if err != nil {
			return err
		}
		if charts, err = change(charts); err != nil {
			return err
		}
		d.Set("charts", charts)
		return nil
	})
}
