package shipper

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery"
)

// typeExport is the type of the jobs that are exports.
const typeExport = "Export"

// Types of sinks of exports.
const (
	sinkOSS     = "AliyunOSS"
	sinkODPS    = "AliyunODPS"
	sinkGeneral = "General"
)

// IsExport reports whether a job's document is an export. Documents of the newer API have no type: all its exports are.
func IsExport(raw []byte) (bool, string) {
	d, err := parse(raw)
	if err != nil {
		return true, "" // whoever reads it next says what is wrong
	}
	kind := d.text("type")
	return kind == "" || kind == typeExport, kind
}

// Named gives an export's document the name that it was called by in the path, if it has none: the update of the OpenAPI client has no other.
// Errors: Invalid "shipper".
func Named(raw []byte, name string) ([]byte, error) {
	d, err := parse(raw)
	if err != nil || d.text("name") != "" {
		return raw, err
	}
	d.set("name", name)
	return json.Marshal(d)
}

// ExportFilter chooses exports of a project; empty fields choose all.
type ExportFilter struct{ Logstore, Name, DisplayName string }

// CreateExport makes an export. Errors: Invalid "shipper", AlreadyExists "export", Unsupported.
func (s *Shippers) CreateExport(ctx context.Context, project string, raw []byte) error {
	spec, name, err := s.exportSpec(project, raw)
	if err != nil {
		return err
	}
	return exists(s.start(ctx, project, spec, true), annotationExport, name)
}

// LocalTargets returns the logstores of this server that an export would write to.
func (s *Shippers) LocalTargets(project string, raw []byte) ([]sluice.LogstoreRef, error) {
	spec, _, err := s.exportSpec(project, raw)
	if err != nil {
		return nil, err
	}
	return s.tasks.LocalTargets(project, spec)
}

// UpdateExport replaces the document of an export; it goes on where it is.
func (s *Shippers) UpdateExport(ctx context.Context, project, name string, raw []byte) error {
	return delivery.Again(func() error { return s.updateExport(ctx, project, name, raw) })
}

func (s *Shippers) updateExport(ctx context.Context, project, name string, raw []byte) error {
	t, _, err := s.find(ctx, project, name, annotationExport, name)
	if err != nil {
		return err
	}
	spec, named, err := s.exportSpec(project, raw)
	if err != nil {
		return err
	}
	if named != name {
		return invalid("name %.80q is not %.80q; a job cannot be renamed", named, name)
	}
	if spec.Source.Logstore != t.Spec.Source.Logstore {
		return invalid("the logstore of job %s is %s and cannot change", name, t.Spec.Source.Logstore)
	}
	_, err = s.tasks.Update(ctx, project, spec, t.Revision)
	return err
}

// RestartExport makes an export anew: it begins at its fromTime again. Secrets that are masked stay. It does all of it or nothing.
func (s *Shippers) RestartExport(ctx context.Context, project, name string, raw []byte) error {
	return delivery.Again(func() error { return s.restartExport(ctx, project, name, raw) })
}

func (s *Shippers) restartExport(ctx context.Context, project, name string, raw []byte) error {
	t, _, err := s.find(ctx, project, name, annotationExport, name)
	if err != nil {
		return err
	}
	spec, named, err := s.exportSpec(project, raw)
	if err != nil {
		return err
	}
	if named != name {
		return invalid("name %.80q is not %.80q; a job cannot be renamed", named, name)
	}
	_, err = s.tasks.Restart(ctx, project, spec, t.Revision)
	return err
}

// StartExport brings an export online, where it stopped.
func (s *Shippers) StartExport(ctx context.Context, project, name string) error {
	if _, _, err := s.find(ctx, project, name, annotationExport, name); err != nil {
		return err
	}
	_, err := s.tasks.Start(ctx, project, name, delivery.FromPoint)
	return err
}

// StopExport takes an export offline; it keeps its place.
func (s *Shippers) StopExport(ctx context.Context, project, name string) error {
	if _, _, err := s.find(ctx, project, name, annotationExport, name); err != nil {
		return err
	}
	_, err := s.tasks.Offline(ctx, project, name)
	return err
}

// DeleteExport removes an export.
func (s *Shippers) DeleteExport(ctx context.Context, project, name string) error {
	if _, _, err := s.find(ctx, project, name, annotationExport, name); err != nil {
		return err
	}
	return s.tasks.Delete(ctx, project, name)
}

// Export returns the document of an export.
func (s *Shippers) Export(ctx context.Context, project, name string) (json.RawMessage, error) {
	t, d, err := s.find(ctx, project, name, annotationExport, name)
	if err != nil {
		return nil, err
	}
	return shown(t, d)
}

// Exports returns the documents of the exports that f chooses, by name.
func (s *Shippers) Exports(ctx context.Context, project string, f ExportFilter) ([]json.RawMessage, error) {
	all, err := s.tasks.Tasks(ctx, project)
	if err != nil {
		return nil, err
	}
	list := []json.RawMessage{}
	for _, t := range all {
		text, ok := t.Spec.Annotations[annotationExport]
		if !ok || f.Logstore != "" && f.Logstore != t.Spec.Source.Logstore || !contains(t.Spec.Name, f.Name) {
			continue
		}
		d, err := parse([]byte(text))
		if err != nil {
			continue // an annotation that this package did not write
		}
		if !contains(d.text("displayName"), f.DisplayName) {
			continue
		}
		one, err := shown(t, d)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// shown is the document with what clients insist on: the Go SDK panics without some of it (reference delivery g.5).
func shown(t *delivery.Task, d document) (json.RawMessage, error) {
	d.fill(map[string]any{
		"displayName": "", "description": "", "type": typeExport, "recyclable": false, "scheduleId": t.Spec.Name,
		"schedule": map[string]any{"type": "Resident", "runImmediately": true},
	})
	d.set("createTime", t.Created.Unix())
	d.set("lastModifyTime", t.Modified.Unix())
	d.set("lastModifiedTime", t.Modified.Unix())
	d.set("status", exportStatus(t.State))
	configuration := document{}
	if err := d.into("configuration", &configuration); err != nil {
		return nil, err
	}
	configuration.fill(map[string]any{
		"fromTime": 1, "toTime": 0, "roleArn": "", "version": "v2.0", "parameters": map[string]string{}, "logstore": t.Spec.Source.Logstore,
	})
	sink := document{}
	if err := configuration.into("sink", &sink); err != nil {
		return nil, err
	}
	if sink.text("type") == "" {
		sink.set("type", sinkOSS)
	}
	if sink.text("type") == sinkGeneral {
		sink["fields"] = generalShown(t)
	}
	configuration.set("sink", sink)
	d.set("configuration", configuration)
	return json.Marshal(d)
}

// generalShown is the destination as the task tells it, secrets masked.
func generalShown(t *delivery.Task) json.RawMessage { return t.Spec.Sink }

// exportStatus is a state in the words of jobs.
func exportStatus(s delivery.State) string {
	switch s {
	case delivery.Online, delivery.Failing:
		return "RUNNING"
	case delivery.Paused:
		return "FAILED"
	case delivery.Offline:
		return "STOPPED"
	}
	return "STARTING"
}

// exportSpec makes the document of the task of an export's document.
func (s *Shippers) exportSpec(project string, raw []byte) (spec *delivery.Spec, name string, err error) {
	d, err := parse(raw)
	if err != nil {
		return nil, "", err
	}
	if name = d.text("name"); name == "" {
		return nil, "", invalid("name must not be empty")
	}
	configuration := document{}
	if err := d.into("configuration", &configuration); err != nil {
		return nil, "", err
	}
	source, err := configuration.source()
	if err != nil {
		return nil, "", err
	}
	spec = &delivery.Spec{Name: name, Description: clip(d.text("description")), Source: source}
	sink := document{}
	if err := configuration.into("sink", &sink); err != nil {
		return nil, "", err
	}
	if err := s.fillExport(project, spec, sink); err != nil {
		return nil, "", err
	}
	if sink.text("type") == sinkGeneral { // its secrets are the task's to keep, not the document's
		delete(sink, "fields")
		configuration.set("sink", sink)
		d.set("configuration", configuration)
	}
	kept, err := json.Marshal(d.withoutSecrets())
	if err != nil {
		return nil, "", err
	}
	spec.Annotations = map[string]string{annotationExport: string(kept)}
	return spec, name, nil
}

// fillExport sets the destination.
func (s *Shippers) fillExport(project string, spec *delivery.Spec, sink document) error {
	switch kind := sink.text("type"); kind {
	case sinkOSS, "":
		b, err := sink.exportBucket()
		if err != nil {
			return err
		}
		return b.fillSpec(project, spec, s.role)
	case sinkGeneral:
		if spec.Sink = sink["fields"]; !sink.has("fields") {
			return invalid("sink.fields must be the destination of a delivery task, such as {\"type\": \"http\", \"url\": …}")
		}
		return nil
	case sinkODPS:
		return sluice.Errorf(sluice.Unsupported, "shipper", "sink type %s is not supported by this server; %s and %s are", kind, sinkOSS, sinkGeneral)
	default:
		return invalid("sink type %.40q is none of %s, %s", kind, sinkOSS, sinkGeneral)
	}
}

// source is where an export begins and ends.
func (d document) source() (delivery.Source, error) {
	s := delivery.Source{Logstore: d.text("logstore"), Start: "beginning"}
	if s.Logstore == "" {
		return s, invalid("configuration.logstore must not be empty")
	}
	var from, to looseInt
	for name, v := range map[string]*looseInt{"fromTime": &from, "toTime": &to} {
		if err := d.into(name, v); err != nil {
			return s, err
		}
	}
	if from > 1 {
		s.Start = time.Unix(int64(from), 0).UTC().Format(time.RFC3339)
	}
	if to > 0 {
		if to <= from {
			return s, invalid("toTime %d is not after fromTime %d", to, from)
		}
		s.End = time.Unix(int64(to), 0).UTC().Format(time.RFC3339)
	}
	return s, nil
}

// clip keeps a description within what tasks may have.
func clip(s string) string {
	const most = 1000
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "")
	}
	return s
}
