package importer

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Import is an import as its owner sees it: without secrets.
type Import struct {
	Spec
	Created time.Time `json:"created"`
	Counts
	Live
	Faults []Fault `json:"faults,omitempty"` // the last ones, the newest first
}

// maxImports is how many imports a project may have: each lists its bucket again and again.
const maxImports = 20

// secrets are sealed together.
type secrets struct{ Secret, Token string }

func (p place) owner() string { return p.Project + "/" + p.Name }

const purpose = "trail-import"

// unseal puts the secrets of an import in.
func (s *Service) unseal(p place, doc *stored) error {
	raw, err := s.sealer.Open(doc.Secrets, purpose, p.owner())
	if err != nil {
		return err
	}
	var sec secrets
	if err := json.Unmarshal(raw, &sec); err != nil {
		return err
	}
	doc.SecretAccessKey, doc.SessionToken = sec.Secret, sec.Token
	return nil
}

// Create makes an import of a project, and starts it. The bucket is asked for its list first, so that a wrong key is said at once. Errors: Invalid
// "import"; NotFound "project"; AlreadyExists "import"; Throttled "imports".
func (s *Service) Create(ctx context.Context, project string, spec Spec) error {
	if err := spec.check(); err != nil {
		return err
	}
	if err := s.try(ctx, &spec); err != nil {
		return err
	}
	p := place{project, spec.Name}
	raw, err := json.Marshal(secrets{spec.SecretAccessKey, spec.SessionToken})
	if err != nil {
		return err
	}
	doc := stored{ID: rand.Text(), Spec: spec, Secrets: s.sealer.Seal(raw, purpose, p.owner())}
	doc.SecretAccessKey, doc.SessionToken = "", ""
	body, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	now := s.o.Now()
	if err := s.store.Update(ctx, func(tx meta.Tx) error {
		if _, err := tx.Project(project); err != nil {
			return err
		}
		n, err := tx.CountDocuments(project, kindImport)
		if err != nil {
			return err
		}
		if n >= maxImports {
			return sluice.Errorf(sluice.Throttled, "imports", "project %s has %d imports, which is the limit", project, n)
		}
		return tx.CreateDocument(meta.Document{Project: project, Kind: kindImport, Name: spec.Name, Body: body, Created: now, Modified: now})
	}); err != nil {
		if sluice.KindOf(err) == sluice.AlreadyExists {
			return sluice.Errorf(sluice.AlreadyExists, "import", "import %s exists", spec.Name)
		}
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.startLocked(p)
	return nil
}

// try lists the bucket. What keeps it from that is the client's to change.
func (s *Service) try(ctx context.Context, spec *Spec) error {
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	b := s.openBucket(spec)
	defer b.close()
	if _, err := b.children(ctx, "AWSLogs/"); err != nil {
		return sluice.Errorf(sluice.Invalid, "import", "bucket: it cannot be listed: %w", err)
	}
	return nil
}

// Get describes an import. Errors: NotFound "import".
func (s *Service) Get(ctx context.Context, project, name string) (Import, error) {
	const faults = 20
	var i Import
	err := s.store.View(ctx, func(tx meta.Tx) error {
		d, err := tx.Document(project, kindImport, name)
		if err != nil {
			return err
		}
		doc, err := readImport(tx, place{project, name})
		if err != nil {
			return err
		}
		st, _, err := readState(tx, doc.ID)
		if err != nil {
			return err
		}
		i = Import{Spec: doc.Spec, Created: d.Created, Counts: st.Counts}
		i.Faults, err = faultsOf(tx, doc.ID, faults)
		return err
	})
	if err != nil {
		return i, notFound(err, name)
	}
	s.mu.Lock()
	j := s.running[place{project, name}]
	s.mu.Unlock()
	if j != nil {
		j.mu.Lock()
		i.Live = j.live
		j.mu.Unlock()
	}
	return i, nil
}

// List describes the imports of a project, by name.
func (s *Service) List(ctx context.Context, project string) ([]Import, error) {
	var names []string
	if err := s.store.View(ctx, func(tx meta.Tx) (err error) {
		names, err = tx.DocumentNames(project, kindImport)
		return err
	}); err != nil {
		return nil, err
	}
	list := []Import{}
	for _, name := range names {
		i, err := s.Get(ctx, project, name)
		if sluice.KindOf(err) == sluice.NotFound {
			continue // deleted just now
		}
		if err != nil {
			return nil, err
		}
		list = append(list, i)
	}
	return list, nil
}

// Delete stops an import and forgets it. Its logs stay. Errors: NotFound "import".
func (s *Service) Delete(ctx context.Context, project, name string) error {
	var doc stored
	if err := s.store.Update(ctx, func(tx meta.Tx) (err error) {
		if doc, err = readImport(tx, place{project, name}); err != nil {
			return err
		}
		return tx.DeleteDocument(project, kindImport, name)
	}); err != nil {
		return notFound(err, name)
	}
	s.halt(place{project, name})
	return s.forget(context.WithoutCancel(ctx), doc.ID)
}

// forget removes the items of an import.
func (s *Service) forget(ctx context.Context, id string) error {
	const chunk = 500
	for _, kind := range []string{kindDone, kindFault} {
		for left := chunk; left == chunk; {
			if err := s.store.Update(ctx, func(tx meta.Tx) error {
				rows, err := tx.Items(kind, meta.ItemRange{Prefix: id + "/", Limit: chunk})
				left = len(rows)
				for _, row := range rows {
					if err := tx.DeleteItem(kind, row.Name); err != nil {
						return err
					}
				}
				return err
			}); err != nil {
				return err
			}
		}
	}
	return s.store.Update(ctx, func(tx meta.Tx) error { return tx.DeleteItem(kindState, id) })
}

func notFound(err error, name string) error {
	if sluice.KindOf(err) == sluice.NotFound {
		return sluice.Errorf(sluice.NotFound, "import", "import %s does not exist", name)
	}
	return err
}

// logstoreDays is how long records are kept in a logstore that an import makes.
const logstoreDays = 365

// ensure makes the logstore, with an index, unless it is there. An index that is there stays as it is.
func (s *Service) ensure(ctx context.Context, ref sluice.LogstoreRef) error {
	err := exists(s.cat.CreateLogstore(ctx, meta.Logstore{Project: ref.Project, Name: ref.Logstore, TTLDays: logstoreDays, AutoSplit: true, MaxSplitShard: 8}, 1))
	if err != nil {
		return err
	}
	return exists(s.cat.CreateIndex(ctx, ref, recordIndex))
}

// exists is err, unless that says that something is there already.
func exists(err error) error {
	if sluice.KindOf(err) == sluice.AlreadyExists {
		return nil
	}
	return err
}
