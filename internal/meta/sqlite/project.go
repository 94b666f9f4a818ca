package sqlite

import (
	"encoding/json"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

var projects = table[meta.Project]{
	noun:    "project",
	name:    "projects",
	keys:    []string{"name"},
	columns: []string{"name", "account", "description", "resource_group", "data_redundancy", "recycle_bin", "created", "modified"},
	fields: func(p *meta.Project) []any {
		return []any{
			&p.Name, &p.Account, &p.Description, &p.ResourceGroupID, &p.DataRedundancy, &p.RecycleBinEnabled,
			(*moment)(&p.Created), (*moment)(&p.Modified),
		}
	},
}

var logstores = table[meta.Logstore]{
	noun: "logstore",
	name: "logstores",
	keys: []string{"project", "name"},
	columns: []string{
		"project", "name", "ttl_days", "tracking", "append_meta", "auto_split", "max_split_shard",
		"telemetry_type", "mode", "hot_ttl_days", "infrequent_days", "modifiable", "shard_count", "next_shard", "extra", "created", "modified",
	},
	parent: &projects,
	fields: func(l *meta.Logstore) []any {
		return []any{
			&l.Project, &l.Name, &l.TTLDays, &l.Tracking, &l.AppendMeta, &l.AutoSplit, &l.MaxSplitShard,
			&l.TelemetryType, &l.Mode, &l.HotTTLDays, &l.InfrequentTTLDays, &l.Modifiable, &l.ShardCount, &l.NextShard,
			(*object[json.RawMessage])(&l.Extra), (*moment)(&l.Created), (*moment)(&l.Modified),
		}
	},
}

func (t *tx) Project(name string) (meta.Project, error) { return projects.get(t, name) }
func (t *tx) Projects() ([]meta.Project, error)         { return projects.list(t) }
func (t *tx) CreateProject(p meta.Project) error        { return projects.insert(t, &p) }
func (t *tx) UpdateProject(p meta.Project) error        { return projects.update(t, &p) }
func (t *tx) DeleteProject(name string) error           { return projects.delete(t, name) }

func (t *tx) Logstore(ref sluice.LogstoreRef) (meta.Logstore, error) {
	return logstores.get(t, ref.Project, ref.Logstore)
}

func (t *tx) Logstores(project string) ([]meta.Logstore, error) { return logstores.list(t, project) }
func (t *tx) LogstoreNames(project string) ([]string, error) {
	return t.texts(project, "SELECT name FROM logstores WHERE project = ? ORDER BY name", project)
}

func (t *tx) CountLogstores(project string) (int, error) {
	return t.countIn(project, "SELECT COUNT(*) FROM logstores WHERE project = ?")
}

// countIn returns the count of a query about a project, which must be there.
func (t *tx) countIn(project, query string) (n int, err error) {
	if err := t.row(query, []any{project}, &n); err != nil || n > 0 {
		return n, wrap("count", err)
	}
	return 0, projects.require(t, []any{project})
}

func (t *tx) CreateLogstore(l meta.Logstore) error { return logstores.insert(t, &l) }
func (t *tx) UpdateLogstore(l meta.Logstore) error { return logstores.update(t, &l) }

func (t *tx) DeleteLogstore(ref sluice.LogstoreRef) error {
	if err := logstores.delete(t, ref.Project, ref.Logstore); err != nil {
		return err
	}
	return t.DeleteDocuments(ref.Project, meta.LogstoreKinds(ref.Logstore))
}

func (t *tx) AllLogstores() ([]sluice.LogstoreRef, error) {
	return t.refs("SELECT project, name FROM logstores ORDER BY project, name")
}

func (t *tx) IndexedLogstores() ([]sluice.LogstoreRef, error) {
	return t.refs("SELECT project, logstore FROM indexes ORDER BY project, logstore")
}

func (t *tx) SegmentedLogstores() ([]sluice.LogstoreRef, error) {
	return t.refs("SELECT DISTINCT project, logstore FROM segments ORDER BY project, logstore")
}

// refs reads the names of logstores.
func (t *tx) refs(query string) (all []sluice.LogstoreRef, err error) {
	rows, err := t.rows(query)
	if err != nil {
		return nil, wrap("list logstores", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r sluice.LogstoreRef
		if err := rows.Scan(&r.Project, &r.Logstore); err != nil {
			return nil, wrap("list logstores", err)
		}
		all = append(all, r)
	}
	return all, wrap("list logstores", rows.Err())
}
