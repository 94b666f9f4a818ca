package assistant

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// InvocationState is an invocation with its targets.
type InvocationState struct {
	*Invocation
	Targets []*Target
}

// Status is the state of the whole.
func (i *InvocationState) Status() Status { return overall(statuses(i.Targets)) }

// Legacy is the state of the whole in the words of older clients.
func (i *InvocationState) Legacy() string { return legacyOverall(statuses(i.Targets), i.recurring()) }

// LegacyOf is the state of a target in the words of older clients.
func (i *InvocationState) LegacyOf(t *Target) string { return t.Status.legacy(i.recurring()) }

// Timed reports whether the invocation runs by a schedule.
func (i *InvocationState) Timed() bool { return i.Frequency != "" }

// InvocationFilter chooses invocations; empty fields choose all.
type InvocationFilter struct {
	ID, CommandID, CommandName, CommandType, Instance, RepeatMode, ResourceGroup string

	Status string // in the new words or in the old ones
	Timed  *bool
	Files  bool   // those of SendFile, and otherwise those of commands
	Name   string // of the file
	Tags   []Tag
}

// Invocations returns the invocations that f chooses, the newest first. With an instance, their targets are that one alone.
func (fl *Fleet) Invocations(ctx context.Context, f InvocationFilter, p Page) (Listed[*InvocationState], error) {
	name := wildcard(f.CommandName)
	choose := func(tx meta.Tx, i *Invocation) (*InvocationState, bool, error) {
		if f.Files != (i.File != nil) || f.ID != "" && f.ID != i.ID || f.CommandID != "" && f.CommandID != i.CommandID || !name(i.CommandName) ||
			f.CommandType != "" && f.CommandType != i.Type || f.RepeatMode != "" && f.RepeatMode != i.RepeatMode ||
			f.ResourceGroup != "" && f.ResourceGroup != i.ResourceGroup || f.Name != "" && f.Name != i.File.Name || !hasTags(i.Tags, f.Tags) ||
			f.Timed != nil && *f.Timed != (i.Frequency != "") {
			return nil, false, nil
		}
		st := &InvocationState{Invocation: i}
		var err error
		if st.Targets, err = targetsOf(tx, i.ID); err != nil {
			return nil, false, err
		}
		if f.Instance != "" {
			st.Targets = slices.DeleteFunc(st.Targets, func(t *Target) bool { return t.Instance != f.Instance })
			if len(st.Targets) == 0 {
				return nil, false, nil
			}
		}
		if f.Status != "" && f.Status != string(st.Status()) && f.Status != st.Legacy() {
			return nil, false, nil
		}
		fl.s.fillLive(st.Targets)
		return st, true, nil
	}
	if f.ID != "" { // one, without looking at the others
		return fl.oneInvocation(ctx, f.ID, choose)
	}
	return pageOf(ctx, fl, kindInvocation, p, choose)
}

func (fl *Fleet) oneInvocation(ctx context.Context, id string, choose func(meta.Tx, *Invocation) (*InvocationState, bool, error)) (Listed[*InvocationState], error) {
	out := Listed[*InvocationState]{Rows: []*InvocationState{}}
	err := fl.s.store.View(ctx, func(tx meta.Tx) error {
		inv, err := find[Invocation](tx, fl.account, kindInvocation, id)
		if err != nil || inv == nil {
			return err
		}
		st, ok, err := choose(tx, inv)
		if ok && err == nil {
			out.Rows, out.Total = append(out.Rows, st), 1
		}
		return err
	})
	return out, err
}

// fillLive shows what runs that are under way have written so far, of which metadata knows nothing.
func (s *Service) fillLive(targets []*Target) {
	for _, t := range targets {
		if t.RunOpen && t.Claimed == 0 { // a forgetful agent's output is in metadata
			t.Output = firstText(s.output.live(t.key()))
		}
	}
}

// firstText is b as text: what is cut or not UTF-8 at its end is left out, and elsewhere replaced.
func firstText(b []byte) string {
	for len(b) > 0 {
		if r, n := utf8.DecodeLastRune(b); r != utf8.RuneError || n != 1 {
			break
		}
		b = b[:len(b)-1]
	}
	return strings.ToValidUTF8(string(b), string(utf8.RuneError))
}

// ResultFilter chooses targets, or their runs; empty fields choose all.
type ResultFilter struct {
	Invocation, Instance, Command, Status, ResourceGroup string

	History bool // all runs of the schedule of Invocation that are kept, and not the last one alone
	Tags    []Tag
}

// Result is what came of a target, or of one run of it.
type Result struct {
	Invocation *InvocationState
	*Target
}

// Results returns the results that f chooses, of the newest invocation first. The pages of one invocation are by number.
func (fl *Fleet) Results(ctx context.Context, f ResultFilter, p Page) (Listed[*Result], error) {
	out := Listed[*Result]{Rows: []*Result{}}
	if f.History && f.Invocation == "" {
		return out, fail(sluice.Invalid, "MissingParameter.InvokeId", "IncludeHistory needs InvokeId")
	}
	var rows []*Result
	var err error
	if f.History {
		rows, err = fl.history(ctx, f)
	} else {
		rows, err = fl.results(ctx, f)
	}
	if err != nil {
		return out, err
	}
	from := (max(p.Number, 1) - 1) * p.Size
	if p.Token {
		from = 0
		if at := slices.IndexFunc(rows, func(r *Result) bool { return runName(r.Target) == p.After }); p.After != "" {
			from = at + 1
		}
	}
	out.Total = len(rows)
	from = min(max(from, 0), len(rows))
	to := min(from+p.Size, len(rows))
	out.Rows = append(out.Rows, rows[from:to]...)
	if p.Token && to < len(rows) {
		out.Next = runName(rows[to-1].Target)
	}
	return out, nil
}

// results are the targets that f chooses.
func (fl *Fleet) results(ctx context.Context, f ResultFilter) ([]*Result, error) {
	all, err := fl.Invocations(ctx, InvocationFilter{
		ID: f.Invocation, CommandID: f.Command, Instance: f.Instance, ResourceGroup: f.ResourceGroup, Tags: f.Tags,
	}, Page{Size: fl.s.o.MaxResults})
	if err != nil {
		return nil, err
	}
	var rows []*Result
	for _, inv := range all.Rows {
		for _, t := range inv.Targets {
			if f.Status == "" || f.Status == string(t.Status) || f.Status == inv.LegacyOf(t) {
				rows = append(rows, &Result{inv, t})
			}
		}
	}
	return rows, nil
}

// history are the runs of an invocation, the newest first.
func (fl *Fleet) history(ctx context.Context, f ResultFilter) ([]*Result, error) {
	var rows []*Result
	err := fl.s.store.View(ctx, func(tx meta.Tx) error {
		rows = nil
		inv, err := find[Invocation](tx, fl.account, kindInvocation, f.Invocation)
		if err != nil || inv == nil {
			return err
		}
		runs, err := list[Target](tx, kindRun, meta.ItemRange{Prefix: inv.ID + "/"})
		if err != nil {
			return err
		}
		if inv.single() {
			if runs, err = targetsOf(tx, inv.ID); err != nil {
				return err
			}
		}
		st := &InvocationState{Invocation: inv}
		for _, t := range slices.Backward(runs) {
			if t.Status = t.runStatus(inv); (f.Instance == "" || f.Instance == t.Instance) && (f.Status == "" || f.Status == string(t.Status)) {
				rows = append(rows, &Result{st, t})
			}
		}
		return nil
	})
	return rows, err
}
