package control

import (
	"context"
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// A job is a document with a type and a state. Alerts and scheduled SQL are enabled or disabled; the others are started and stopped.
// Nothing runs a job of these types yet, save for those that make an index anew, and no state says so: one that was started is STARTING until
// something runs it.

// rebuildIndex is the type of jobs that package reindex runs, and gives their states.
const rebuildIndex = "RebuildIndex"

// jobTypes are the types of jobs that are documents. Those of type Export are delivery tasks.
var jobTypes = []string{"Alert", "ScheduledSQL", "ETL", "Ingestion", "Report", "AuditJob", "DownSampling", rebuildIndex}

// States of jobs.
const (
	enabled  = "ENABLED"
	disabled = "DISABLED"
	starting = "STARTING"
	stopped  = "STOPPED"
)

// switches reports whether a job of this type is enabled and disabled, rather than started and stopped.
func switches(jobType string) bool {
	return slices.Contains([]string{"Alert", "ScheduledSQL", "Report", "AuditJob"}, jobType)
}

func checkJob(d Document) error {
	err := members{
		{"type", aText, true},
		{"displayName", aText, false},
		{"description", aText, false},
		{"configuration", anObject, true},
		{"schedule", anObject, false},
		{"status", aText, false},
		{"state", aText, false},
	}.check(d)
	if err != nil {
		return err
	}
	kind := d.Text("type")
	if !slices.Contains(jobTypes, kind) {
		return sluice.Errorf(sluice.Invalid, "", "type %.40q is none of %s", kind, strings.Join(jobTypes, ", "))
	}
	return nil
}

// jobStatus is the state of a job by what its document says, in one of the words for it.
func jobStatus(d Document) string {
	said := strings.ToUpper(d.Text("status"))
	if said == "" {
		said = strings.ToUpper(d.Text("state")) // of old alerts: Enabled, Disabled
	}
	if d.Text("type") == rebuildIndex {
		return said
	}
	if switches(d.Text("type")) {
		if said == disabled {
			return disabled
		}
		return enabled
	}
	if said == stopped {
		return stopped
	}
	return starting
}

// settleJob gives a job its state, which an update that says nothing of it leaves as it is, with the type.
func settleJob(old, d Document) {
	if old != nil {
		d.Fill("type", old.Text("type"))
		if d.Text("status") == "" && d.Text("state") == "" {
			d.Set("status", old.Text("status"))
		}
	}
	if status, state := typeOf(d["status"]), typeOf(d["state"]); (status == aText || status == aNull) && (state == aText || state == aNull) {
		d.Set("status", jobStatus(d))
	}
}

func fillJob(d Document, _ meta.Document) {
	fillTexts("displayName", "", "description", "", "scheduleId", d.Text("name"))(d, meta.Document{})
	d.Fill("recyclable", false)
	d.Fill("schedule", map[string]any{"type": "Resident", "runImmediately": false})
	word := map[bool]string{true: "Enabled", false: "Disabled"}[d.Text("status") == enabled]
	switch d.Text("type") {
	case "Alert":
		d.Set("state", word)
	case "ScheduledSQL": // its clients know the state by another spelling
		d.Set("status", word)
	case "Ingestion": // one that runs now and then is known by its setting, as its clients have it
		if repeats := d.Object("schedule").Text("type"); repeats != "" && repeats != "Resident" && d.Text("status") == starting {
			d.Set("status", enabled)
		}
	}
}

// CreateJob makes a job, unless taken, which is asked meanwhile, says that something else has its name.
func (c *Control) CreateJob(ctx context.Context, project string, raw []byte, taken func(name string) (bool, error)) error {
	c.jobs.Lock()
	defer c.jobs.Unlock()
	d, err := Parse(Jobs, raw)
	if err != nil {
		return err
	}
	name, err := Jobs.nameOf(d)
	if err != nil {
		return err
	}
	other, err := taken(name)
	if err != nil {
		return err
	}
	if other {
		return jobExists(name)
	}
	return c.Create(ctx, Place{Scope: project}, Jobs, raw)
}

// ReserveJob runs make, which makes a job that is no document here, unless a document has its name.
func (c *Control) ReserveJob(ctx context.Context, project, name string, make func() error) error {
	c.jobs.Lock()
	defer c.jobs.Unlock()
	_, err := c.Get(ctx, Place{Scope: project}, Jobs, name)
	if err == nil {
		return jobExists(name)
	}
	if sluice.KindOf(err) != sluice.NotFound || nounOf(err) != Jobs.Noun {
		return err
	}
	return make()
}

func jobExists(name string) error {
	return sluice.Errorf(sluice.AlreadyExists, Jobs.Noun, "Job %s already exists", name)
}

// SwitchJob enables or disables, starts or stops a job. Errors: Conflict of the noun where it is so already.
func (c *Control) SwitchJob(ctx context.Context, project, name, action string) error {
	return c.Change(ctx, Place{Scope: project}, Jobs, name, func(d Document) error {
		kind := d.Text("type")
		if kind == rebuildIndex {
			return Jobs.invalid("a job of type %s has no action %.40q", kind, action)
		}
		state, ok := map[string]string{"enable": enabled, "disable": disabled, "START": starting, "STOP": stopped}[action]
		if !ok || switches(kind) != (state == enabled || state == disabled) {
			return Jobs.invalid("a job of type %s has no action %.40q", kind, action)
		}
		if d.Text("status") == state {
			return sluice.Errorf(sluice.Conflict, Jobs.Noun, "Job %s is already %s", name, jobWords[state])
		}
		d.Set("status", state)
		return nil
	})
}

var jobWords = map[string]string{enabled: "enabled", disabled: "disabled", starting: "started", stopped: "stopped"}

// RestartJob replaces the document of a job that is started and stopped, and starts it.
func (c *Control) RestartJob(ctx context.Context, project, name string, raw []byte) error {
	d, err := Parse(Jobs, raw)
	if err != nil {
		return err
	}
	return c.store.Update(ctx, func(tx meta.Tx) error {
		d.Set("status", starting)
		if err := c.update(tx, Place{Scope: project}, Jobs, name, d); err != nil {
			return err
		}
		if kind := d.Text("type"); switches(kind) {
			return Jobs.invalid("a job of type %s has no action %q", kind, "RESTART")
		}
		return nil
	})
}

// JobLogstores are the logstores that a job reads from, or that it brings logs into.
func JobLogstores(d Document) []string {
	configuration := d.Object("configuration")
	var names []string
	for _, name := range []string{"logstore", "sourceLogstore"} {
		if text := configuration.Text(name); text != "" {
			names = append(names, text)
		}
	}
	return names
}
