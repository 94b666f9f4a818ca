package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Report is what a run leaves in bench/results.
type Report struct {
	Time    time.Time `json:"time"`
	Version string    `json:"version"`
	Machine Machine   `json:"machine"`
	Flags   []string  `json:"flags"`
	Results []*Result `json:"results"`
	Asked   []*Asked  `json:"asked"`
}

// Result is one number, measured once in each run.
type Result struct {
	Table  string  `json:"table"` // hub, search, sets, bombs, delivery, control, trail, audit, agents: where the page shows it
	Name   string  `json:"name"`
	What   string  `json:"what"`
	Unit   string  `json:"unit"`
	Goal   string  `json:"goal,omitempty"` // begins with ≤ or ≥ and a number
	Median float64 `json:"median"`
	Values sample  `json:"values"`
}

// Asked is a question with the milliseconds that it took.
type Asked struct {
	Set       string  `json:"set"`
	Name      string  `json:"name"`
	What      string  `json:"what"`
	Statement string  `json:"statement"`
	Goal      float64 `json:"goalHot,omitempty"`
	Hot       sample  `json:"hot,omitempty"`      // medians, one for each run
	Cold      sample  `json:"cold,omitempty"`     // one for each time it was asked
	Users     sample  `json:"usersP99,omitempty"` // one for each run
	Floor     sample  `json:"floor,omitempty"`    // medians, one for each run
}

// sample is a number measured again and again.
type sample []float64

func (s *sample) add(value float64) { *s = append(*s, math.Round(value*1000)/1000) }

func (r *Report) add(table, name, what, unit, goal string, value float64) {
	res := r.result(name)
	if res == nil {
		res = &Result{Table: table, Name: name, What: what, Unit: unit, Goal: goal}
		r.Results = append(r.Results, res)
	}
	res.Values.add(value)
	res.Median = median(res.Values)
}

// result is the number of this name, nil if there is none.
func (r *Report) result(name string) *Result {
	if i := slices.IndexFunc(r.Results, func(res *Result) bool { return res.Name == name }); i >= 0 {
		return r.Results[i]
	}
	return nil
}

// asked is the entry of a question.
func (r *Report) asked(d *dataset, q question) *Asked {
	i := slices.IndexFunc(r.Asked, func(a *Asked) bool { return a.Set == d.name && a.Name == q.name })
	if i < 0 {
		i = len(r.Asked)
		r.Asked = append(r.Asked, &Asked{Set: d.name, Name: q.name, What: q.what, Statement: q.statement(), Goal: q.goal})
	}
	return r.Asked[i]
}

// save writes the report as TIME.json in dir.
func (r *Report) save(dir string) (string, error) {
	name := filepath.Join(dir, r.Time.Format("20060102T150405Z")+".json")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", err
	}
	return name, os.WriteFile(name, append(data, '\n'), 0o644)
}

// readReport reads what save wrote.
func readReport(name string) (*Report, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &r, nil
}
