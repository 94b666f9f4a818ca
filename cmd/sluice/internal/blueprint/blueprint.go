// Package blueprint compares what files say of projects with what a server has, and makes it so.
//
//	files ──Read──> projects ──Make──> plan: create, update, delete ──Apply──> server
//	                              │
//	                   reads what the server has of what the files name
//
// Invariants:
//   - A member that a file leaves out stays as it is on the server; one that it names becomes what the file says, all of it.
//   - A plan that was applied, made again, is empty.
//   - Nothing is deleted but what is asked for: with prune, and then only in sections that a file has. Projects are never deleted.
//   - Make changes nothing.
//   - Secrets, which a server does not show, are not compared. They are sent when something else of their document is.
package blueprint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sluicelog/sluice/client"
)

// Document is a resource whose members are between those who write and those who read it.
type Document map[string]any

// Project is what a file says of a project. A section that is there and empty says that there are none of its kind.
type Project struct {
	Name        string  `yaml:"project" json:"project"`
	Description *string `yaml:"description" json:"description,omitempty"`

	Tags           map[string]string    `yaml:"tags" json:"tags,omitempty"`
	Logstores      map[string]*Logstore `yaml:"logstores" json:"logstores,omitempty"`
	ExternalStores map[string]Document  `yaml:"externalStores" json:"externalStores,omitempty"`
	Configs        map[string]Document  `yaml:"configs" json:"configs,omitempty"`
	Pipelines      map[string]Document  `yaml:"pipelineConfigs" json:"pipelineConfigs,omitempty"`
	MachineGroups  map[string]Document  `yaml:"machineGroups" json:"machineGroups,omitempty"`
	Applied        map[string][]string  `yaml:"applied" json:"applied,omitempty"` // the configs of each machine group
	SavedSearches  map[string]Document  `yaml:"savedSearches" json:"savedSearches,omitempty"`
	Dashboards     map[string]Document  `yaml:"dashboards" json:"dashboards,omitempty"`
	Alerts         map[string]Document  `yaml:"alerts" json:"alerts,omitempty"`
	ScheduledSQLs  map[string]Document  `yaml:"scheduledSQLs" json:"scheduledSQLs,omitempty"`
	Ingestions     map[string]Document  `yaml:"ingestions" json:"ingestions,omitempty"`
	Deliveries     map[string]Document  `yaml:"deliveries" json:"deliveries,omitempty"`
}

// section is a part of a project whose documents have one kind on the server.
type section struct {
	title   string
	kind    client.ResourceKind
	jobType string // of jobs, which share a kind
	have    map[string]Document
}

// sections are those of documents, in the order in which they are made.
func (p *Project) sections() []section {
	return []section{
		{"external store", client.ExternalStores, "", p.ExternalStores},
		{"config", client.Configs, "", p.Configs},
		{"pipeline config", client.PipelineConfigs, "", p.Pipelines},
		{"machine group", client.MachineGroups, "", p.MachineGroups},
		{"saved search", client.SavedSearches, "", p.SavedSearches},
		{"dashboard", client.Dashboards, "", p.Dashboards},
		{"alert", client.Alerts, "Alert", p.Alerts},
		{"scheduled SQL", client.ScheduledSQLs, "ScheduledSQL", p.ScheduledSQLs},
		{"ingestion", client.Ingestions, "Ingestion", p.Ingestions},
	}
}

// Logstore is what a file says of a logstore; nil members stay as they are, or are the server's default.
type Logstore struct {
	TTL           *int  `yaml:"ttl" json:"ttl,omitempty"`       // days
	Shards        *int  `yaml:"shards" json:"shards,omitempty"` // that take logs, at least
	AutoSplit     *bool `yaml:"autoSplit" json:"autoSplit,omitempty"`
	MaxSplitShard *int  `yaml:"maxSplitShard" json:"maxSplitShard,omitempty"`
	WebTracking   *bool `yaml:"webTracking" json:"webTracking,omitempty"`
	AppendMeta    *bool `yaml:"appendMeta" json:"appendMeta,omitempty"`
	Modifiable    *bool `yaml:"modifiable" json:"modifiable,omitempty"` // once true, for good

	Mode          *string `yaml:"mode" json:"mode,omitempty"`
	TelemetryType *string `yaml:"telemetryType" json:"telemetryType,omitempty"` // only for a new logstore
	HotTTL        *int    `yaml:"hotTTL" json:"hotTTL,omitempty"`               // days
	InfrequentTTL *int    `yaml:"infrequentTTL" json:"infrequentTTL,omitempty"` // days

	Index          Document                  `yaml:"index" json:"index,omitempty"` // index configuration
	ConsumerGroups map[string]*ConsumerGroup `yaml:"consumerGroups" json:"consumerGroups,omitempty"`
}

// ConsumerGroup is what a file says of a consumer group.
type ConsumerGroup struct {
	Timeout *int  `yaml:"timeout" json:"timeout,omitempty"` // seconds
	Order   *bool `yaml:"order" json:"order,omitempty"`
}

// Read reads projects: YAML or JSON documents, each of them one. Members that do not exist are errors, with their line.
func Read(r io.Reader) (projects []Project, err error) {
	d := yaml.NewDecoder(r)
	d.KnownFields(true)
	for {
		var p Project
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return projects, nil
		}
		if err != nil {
			return nil, plainly(err)
		}
		if p.Name == "" {
			return nil, fmt.Errorf("document %d does not name its project", len(projects)+1)
		}
		if err := p.plain(); err != nil {
			return nil, fmt.Errorf("project %s: %w", p.Name, err)
		}
		projects = append(projects, p)
	}
}

var goType = regexp.MustCompile(` in type [\w.]+`)

// plainly says what is wrong with a file without words of this program.
func plainly(err error) error {
	var wrong *yaml.TypeError
	if !errors.As(err, &wrong) {
		return err
	}
	return errors.New(goType.ReplaceAllString(strings.Join(wrong.Errors, "; "), ""))
}

// plain makes documents what JSON makes of them, so that they compare with those of the server.
func (p *Project) plain() error {
	for _, s := range append(p.sections(), section{title: "delivery", have: p.Deliveries}) {
		for name, d := range s.have {
			plain, err := plain(d)
			if err != nil {
				return fmt.Errorf("%s %s: %w", s.title, name, err)
			}
			s.have[name] = plain
		}
	}
	for name, l := range p.Logstores {
		if l == nil {
			p.Logstores[name] = &Logstore{}
			continue
		}
		if l.Index == nil {
			continue
		}
		index, err := plain(l.Index)
		if err != nil {
			return fmt.Errorf("index of logstore %s: %w", name, err)
		}
		l.Index = index
	}
	return nil
}

func plain(d Document) (Document, error) {
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return parse(raw)
}

// Action is what a step does.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// Step is one thing to change.
type Step struct {
	Action      Action       `json:"action"`
	Kind        string       `json:"kind"`
	Name        string       `json:"name"`
	Differences []Difference `json:"differences,omitempty"` // of an update

	do func(context.Context) error
}

// Plan is what has to be done, in order, for the server to be as the files say.
type Plan struct {
	Steps     []Step `json:"steps"`
	Unchanged int    `json:"unchanged"` // things that are as the files say
}

// StepError says which step failed.
type StepError struct {
	Step Step
	Err  error
}

func (e *StepError) Error() string {
	return fmt.Sprintf("%s %s %s: %v", e.Step.Action, e.Step.Kind, e.Step.Name, e.Err)
}
func (e *StepError) Unwrap() error { return e.Err }

// Apply does the steps and calls done after each. It ends at the first that fails; a plan made anew goes on there.
func (p *Plan) Apply(ctx context.Context, done func(Step)) error {
	for _, s := range p.Steps {
		if err := s.do(ctx); err != nil {
			return &StepError{s, err}
		}
		done(s)
	}
	return nil
}
