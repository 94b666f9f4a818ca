// Package shipper makes delivery tasks of shippers and export jobs, the ways in which clients of SLS have logs shipped to buckets
// (reference delivery g). Three generations of them come to the same:
//
//	shipper  POST /logstores/{logstore}/shipper ──┐
//	job      POST /jobs, type Export              ├──> bucket ──> delivery task, which keeps the client's document
//	export   POST /ossexports                   ──┘
//
// A client gets its document back as it was, with what clients insist on filled in. Jobs and exports are two views of one thing. Buckets
// are written to with the operator's credentials ([delivery.OSSRole]), for these documents name a role and hold no key.
package shipper

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Deliveries is what this package needs of the delivery engine.
type Deliveries interface {
	Create(ctx context.Context, project string, s *delivery.Spec) (*delivery.Task, error)
	Update(ctx context.Context, project string, s *delivery.Spec, revision int64) (*delivery.Task, error)
	Restart(ctx context.Context, project string, s *delivery.Spec, revision int64) (*delivery.Task, error)
	Task(ctx context.Context, project, name string) (*delivery.Task, error)
	Tasks(ctx context.Context, project string) ([]*delivery.Task, error)
	Status(ctx context.Context, project, name string) (*delivery.Status, error)
	Start(ctx context.Context, project, name string, from delivery.From) (*delivery.Task, error)
	Offline(ctx context.Context, project, name string) (*delivery.Task, error)
	Delete(ctx context.Context, project, name string) error
	LocalTargets(project string, s *delivery.Spec) ([]sluice.LogstoreRef, error)
}

// Shippers are the shippers and exports of a server. It is safe for concurrent use.
type Shippers struct {
	tasks   Deliveries
	history *History
	role    delivery.OSSRole
}

// New returns the shippers among the tasks of an engine, which tells history of what it delivers.
func New(tasks Deliveries, history *History, role delivery.OSSRole) *Shippers {
	return &Shippers{tasks, history, role}
}

// Names of the annotations in which tasks keep documents.
const (
	annotationShipper = "shipper"
	annotationExport  = "export"
)

// document is what a client sent, member by member, unknown ones too.
type document map[string]json.RawMessage

func parse(raw []byte) (document, error) {
	d := document{}
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, invalid("the body is not a JSON object: %v", err)
	}
	if d == nil { // null
		return nil, invalid("the body is null and not a JSON object")
	}
	return d, nil
}

// text is a member that is text, "" if it is not there.
func (d document) text(name string) string {
	var s string
	_ = json.Unmarshal(d[name], &s)
	return s
}

// has says whether a member is there, and is not null.
func (d document) has(name string) bool { return d[name] != nil && string(d[name]) != "null" }

// into decodes a member, if it is there.
func (d document) into(name string, v any) error {
	if !d.has(name) {
		return nil
	}
	if err := json.Unmarshal(d[name], v); err != nil {
		return invalid("%s: it is not what is expected: %v", name, err)
	}
	return nil
}

// fill sets members that are not there.
func (d document) fill(members map[string]any) {
	for name, v := range members {
		if !d.has(name) {
			d.set(name, v)
		}
	}
}

func (d document) set(name string, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts, numbers and documents that were JSON
	}
	d[name] = raw
}

func invalid(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "shipper", format, args...)
}

// missing is the error of a thing of this noun that is not there.
func missing(noun, name string) error {
	if noun == annotationShipper {
		return sluice.Errorf(sluice.NotFound, noun, "shipperName %s does not exist", name)
	}
	return sluice.Errorf(sluice.NotFound, noun, "Job %s does not exist", name)
}

// exists turns the engine's word for a task that is there into that of this API.
func exists(err error, noun, name string) error {
	if sluice.KindOf(err) == sluice.AlreadyExists {
		return sluice.Errorf(sluice.AlreadyExists, noun, "%s %s already exists", map[string]string{annotationShipper: "shipper", annotationExport: "Job"}[noun], name)
	}
	return err
}

// find returns the task of a thing and its document.
func (s *Shippers) find(ctx context.Context, project, task, noun, name string) (*delivery.Task, document, error) {
	t, err := s.tasks.Task(ctx, project, task)
	if sluice.KindOf(err) == sluice.NotFound {
		return nil, nil, missing(noun, name)
	}
	if err != nil {
		return nil, nil, err
	}
	text, ok := t.Spec.Annotations[noun]
	if !ok {
		return nil, nil, missing(noun, name)
	}
	d, err := parse([]byte(text))
	return t, d, err
}

// start makes a task and, unless it is off, brings it online.
func (s *Shippers) start(ctx context.Context, project string, spec *delivery.Spec, on bool) error {
	if _, err := s.tasks.Create(ctx, project, spec); err != nil {
		return err
	}
	if !on {
		return nil
	}
	_, err := s.tasks.Start(ctx, project, spec.Name, delivery.FromPoint)
	if err == nil || sluice.KindOf(err) == sluice.Conflict { // a bucket that is yet to be proved is proved with the task there
		return err
	}
	// Nobody asked for a draft. The client may be gone by now.
	if undone := s.tasks.Delete(context.WithoutCancel(ctx), project, spec.Name); undone != nil {
		return fmt.Errorf("%w (and the delivery task stays as a draft: %w)", err, undone)
	}
	return err
}

// Create makes the shipper of a logstore. Errors: Invalid "shipper", AlreadyExists "shipper", Unsupported.
func (s *Shippers) Create(ctx context.Context, ref sluice.LogstoreRef, raw []byte) error {
	spec, on, name, err := s.shipperSpec(ref, raw)
	if err != nil {
		return err
	}
	return exists(s.start(ctx, ref.Project, spec, on), annotationShipper, name)
}

// Update replaces the configuration of a shipper.
func (s *Shippers) Update(ctx context.Context, ref sluice.LogstoreRef, name string, raw []byte) error {
	return delivery.Again(func() error { return s.update(ctx, ref, name, raw) })
}

func (s *Shippers) update(ctx context.Context, ref sluice.LogstoreRef, name string, raw []byte) error {
	t, _, err := s.find(ctx, ref.Project, taskName(ref, name), annotationShipper, name)
	if err != nil {
		return err
	}
	spec, on, named, err := s.shipperSpec(ref, raw)
	if err != nil {
		return err
	}
	if named != name {
		return invalid("shipperName %.80q is not %.80q; a shipper cannot be renamed", named, name)
	}
	if _, err := s.tasks.Update(ctx, ref.Project, spec, t.Revision); err != nil {
		return err
	}
	if on {
		_, err = s.tasks.Start(ctx, ref.Project, spec.Name, delivery.FromPoint)
	} else {
		_, err = s.tasks.Offline(ctx, ref.Project, spec.Name)
	}
	return err
}

// Get returns the configuration of a shipper.
func (s *Shippers) Get(ctx context.Context, ref sluice.LogstoreRef, name string) (json.RawMessage, error) {
	t, d, err := s.find(ctx, ref.Project, taskName(ref, name), annotationShipper, name)
	if err != nil {
		return nil, err
	}
	d.set("createTime", t.Created.Unix())
	d.set("lastModifyTime", t.Modified.Unix())
	target := document{}
	if err := d.into("targetConfiguration", &target); err != nil {
		return nil, err
	}
	target.fill(map[string]any{
		"ossBucket": "", "ossPrefix": "", "roleArn": "", "bufferInterval": defaultInterval, "bufferSize": defaultSizeMB,
		"compressType": "none", "pathFormat": defaultPath, "enable": true, "timeZone": "",
		"storage": map[string]any{"format": "json", "detail": map[string]any{"enableTag": false}},
	})
	if err := twins(target); err != nil {
		return nil, err
	}
	d.set("targetConfiguration", target)
	return json.Marshal(d)
}

// Delete removes a shipper.
func (s *Shippers) Delete(ctx context.Context, ref sluice.LogstoreRef, name string) error {
	t, _, err := s.find(ctx, ref.Project, taskName(ref, name), annotationShipper, name)
	if err != nil {
		return err
	}
	return s.tasks.Delete(ctx, ref.Project, t.Spec.Name)
}

// List returns the names of the shippers of a logstore.
func (s *Shippers) List(ctx context.Context, ref sluice.LogstoreRef) ([]string, error) {
	all, err := s.tasks.Tasks(ctx, ref.Project)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, t := range all {
		if text, ok := t.Spec.Annotations[annotationShipper]; ok && t.Spec.Source.Logstore == ref.Logstore {
			d, err := parse([]byte(text))
			if err != nil {
				continue // an annotation that this package did not write
			}
			names = append(names, d.text("shipperName"))
		}
	}
	slices.Sort(names)
	return names, nil
}

// taskName is the task of a shipper: names of shippers are unique in a logstore only.
func taskName(ref sluice.LogstoreRef, name string) string { return ref.Logstore + "." + name }

// shipperSpec makes the document of the task of a shipper's configuration. on says whether it is enabled.
func (s *Shippers) shipperSpec(ref sluice.LogstoreRef, raw []byte) (spec *delivery.Spec, on bool, name string, err error) {
	d, err := parse(raw)
	if err != nil {
		return nil, false, "", err
	}
	if name = d.text("shipperName"); name == "" {
		return nil, false, "", invalid("shipperName must not be empty")
	}
	switch kind := d.text("targetType"); kind {
	case "oss":
	case "odps":
		return nil, false, "", sluice.Errorf(sluice.Unsupported, "shipper", "targetType odps is not supported by this server; oss is")
	default:
		return nil, false, "", invalid("targetType %.40q is neither oss nor odps", kind)
	}
	target := document{}
	if err := d.into("targetConfiguration", &target); err != nil {
		return nil, false, "", err
	}
	b, err := target.shipperBucket()
	if err != nil {
		return nil, false, "", err
	}
	spec = &delivery.Spec{
		Name: taskName(ref, name), Source: delivery.Source{Logstore: ref.Logstore},
		Annotations: map[string]string{annotationShipper: string(compact(raw))},
	}
	on = b.enabled
	return spec, on, name, b.fillSpec(ref.Project, spec, s.role)
}

func compact(raw []byte) []byte {
	d, err := parse(raw)
	if err != nil {
		return raw
	}
	out, err := json.Marshal(d.withoutSecrets())
	if err != nil {
		return raw
	}
	return out
}

// secretName are names of members that hold secrets: some clients send a key along with the role, which this server has no use for.
var secretName = regexp.MustCompile(`(?i)secret|aecret|passw|token|private_?key`)

// withoutSecrets is d with the mask in the place of texts that may be secrets.
func (d document) withoutSecrets() document {
	out := document{}
	for name, raw := range d {
		var inner document
		switch {
		case len(raw) > 0 && raw[0] == '"' && string(raw) != `""` && secretName.MatchString(name):
			out.set(name, sink.Mask)
		case json.Unmarshal(raw, &inner) == nil && inner != nil:
			out.set(name, inner.withoutSecrets())
		default:
			out[name] = raw
		}
	}
	return out
}

// unix is a time in seconds; 0 for the zero time.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// contains reports whether a filter, empty for all, chooses text.
func contains(text, filter string) bool { return filter == "" || strings.Contains(text, filter) }
