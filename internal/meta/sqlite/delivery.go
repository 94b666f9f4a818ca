package sqlite

import (
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

var deliveryTasks = table[meta.DeliveryTask]{
	noun: "deliverytask",
	name: "delivery_tasks",
	keys: []string{"project", "name"},
	columns: []string{
		"project", "name", "logstore", "spec", "secrets", "state", "reason", "revision", "started", "created", "modified",
	},
	parent: &projects,
	fields: func(d *meta.DeliveryTask) []any {
		return []any{
			&d.Project, &d.Name, &d.Logstore, (*blob)(&d.Spec), (*blob)(&d.Secrets), &d.State, &d.Reason, &d.Revision,
			(*moment)(&d.Started), (*moment)(&d.Created), (*moment)(&d.Modified),
		}
	},
}

var deliveryPoints = table[meta.DeliveryPoint]{
	noun: "deliverypoint",
	name: "delivery_points",
	keys: []string{"project", "task", "stream", "shard"},
	columns: []string{
		"project", "task", "stream", "shard", "log", "position", "log_index", "intent_position", "intent_index", "end_position",
		"finished", "counters", "error", "failing", "delivered", "owner", "epoch",
	},
	parent: &deliveryTasks,
	quiet:  true,
	fields: func(p *meta.DeliveryPoint) []any {
		return []any{
			&p.Project, &p.Task, &p.Stream, &p.Shard, &p.Log, &p.Position, &p.Index, &p.IntentPosition, &p.IntentIndex, &p.End,
			&p.Finished, (*blob)(&p.Counters), &p.Error, (*moment)(&p.Failing), (*moment)(&p.Delivered), &p.Owner, &p.Epoch,
		}
	},
}

var leases = table[meta.Lease]{
	noun:    "lease",
	name:    "leases",
	keys:    []string{"name"},
	columns: []string{"name", "expires"},
	quiet:   true,
	fields:  func(l *meta.Lease) []any { return []any{&l.Name, (*moment)(&l.Expires)} },
}

func (t *tx) DeliveryTask(project, name string) (meta.DeliveryTask, error) {
	return deliveryTasks.get(t, project, name)
}

func (t *tx) DeliveryTasks(project string) ([]meta.DeliveryTask, error) {
	return deliveryTasks.list(t, project)
}

func (t *tx) AllDeliveryTasks() ([]meta.DeliveryTask, error) { return deliveryTasks.list(t) }
func (t *tx) CreateDeliveryTask(d meta.DeliveryTask) error   { return deliveryTasks.insert(t, &d) }
func (t *tx) UpdateDeliveryTask(d meta.DeliveryTask) error   { return deliveryTasks.update(t, &d) }
func (t *tx) DeleteDeliveryTask(project, name string) error {
	return deliveryTasks.delete(t, project, name)
}
func (t *tx) AllDeliveryPoints() ([]meta.DeliveryPoint, error) { return deliveryPoints.list(t) }
func (t *tx) SetDeliveryPoint(p meta.DeliveryPoint) error      { return deliveryPoints.replace(t, &p) }

func (t *tx) DeliveryPoints(project, task string) ([]meta.DeliveryPoint, error) {
	all, err := deliveryPoints.scan(t, []any{project, task})
	if err == nil && len(all) == 0 {
		return nil, deliveryTasks.require(t, []any{project, task})
	}
	return all, wrap("list delivery points", err)
}

func (t *tx) MoveDeliveryPoint(p meta.DeliveryPoint) error {
	b := &deliveryPoints
	fields := b.fields(&p)
	keys, values := fields[:len(b.keys)], fields[len(b.keys):]
	set := strings.Join(b.columns[len(b.keys):], " = ?, ") + " = ?"
	args := append(append(append([]any(nil), values...), keys...), p.Epoch)
	n, err := b.exec(t, "UPDATE "+b.name+" SET "+set+b.where(len(keys))+" AND epoch = ?", args...)
	if err == nil && n == 0 {
		return sluice.Errorf(sluice.Conflict, b.noun, "shard %v of delivery task %s is another's to work on", p.Shard, p.Task)
	}
	return wrap("move "+b.noun, err)
}

func (t *tx) NextEpoch() (epoch int64, err error) {
	if t.readOnly {
		return 0, wrap("give an epoch", errReadOnly)
	}
	err = t.row("UPDATE counters SET value = value + 1 WHERE name = 'epoch' RETURNING value", nil, &epoch)
	return epoch, wrap("give an epoch", err)
}

func (t *tx) Leases() ([]meta.Lease, error) { return leases.list(t) }
func (t *tx) SetLease(l meta.Lease) error   { return leases.replace(t, &l) }

func (t *tx) DeleteLease(name string) error {
	_, err := leases.exec(t, "DELETE FROM "+leases.name+leases.where(1), name)
	return wrap("delete "+leases.noun, err)
}
