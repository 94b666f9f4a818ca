package main

import (
	"encoding/json"
	"fmt"
	"io"
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
}

// Result is one number, measured once in each run.
type Result struct {
	Name   string    `json:"name"`
	What   string    `json:"what"`
	Unit   string    `json:"unit"`
	Goal   string    `json:"goal,omitempty"`
	Median float64   `json:"median"`
	Values []float64 `json:"values"`
}

func (r *Report) add(name, what, unit, goal string, value float64) {
	value = math.Round(value*1000) / 1000
	i := slices.IndexFunc(r.Results, func(res *Result) bool { return res.Name == name })
	if i < 0 {
		i = len(r.Results)
		r.Results = append(r.Results, &Result{Name: name, What: what, Unit: unit, Goal: goal})
	}
	res := r.Results[i]
	res.Values = append(res.Values, value)
	res.Median = median(res.Values)
}

// table writes the results as Markdown.
func (r *Report) table(w io.Writer) {
	m := r.Machine
	fmt.Fprintf(w, "%s, %d cores, %.1f GiB, kernel %s, %s on %s, fsync of 256 KB p50 %.2f ms, p99 %.2f ms, load average %.1f; %s; %s\n\n",
		m.CPU, m.Cores, m.MemoryGiB, m.Kernel, m.Go, m.FS, m.FsyncP50, m.FsyncP99, m.Load, r.Version, r.Time.Format(time.DateOnly))
	fmt.Fprintln(w, "| | unit | median | least to most | runs | goal |\n|---|---|---|---|---|---|")
	for _, res := range r.Results {
		fmt.Fprintf(w, "| %s | %s | %.4g | %.4g to %.4g | %d | %s |\n",
			res.What, res.Unit, res.Median, slices.Min(res.Values), slices.Max(res.Values), len(res.Values), res.Goal)
	}
}

// save writes the report as bench/results/TIME.json.
func (r *Report) save() (string, error) {
	name := filepath.Join("bench", "results", r.Time.Format("20060102T150405Z")+".json")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return "", err
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", err
	}
	return name, os.WriteFile(name, append(data, '\n'), 0o644)
}
