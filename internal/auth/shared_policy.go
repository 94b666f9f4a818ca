package auth

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/iam/policy"
	"github.com/sluicelog/sluice/internal/meta"
)

/*
A project has a policy or none, and so has each of its logstores. Decisions about a logstore ask both; those about anything else ask the
project's alone. In metadata:

	project-policy           policy     the project's
	logstore/L/project-policy policy    that of logstore L, which goes with it
	logstore-policies        L          says that L has one, or had one before it was deleted: so they are found without looking at all logstores
*/
const (
	policyKind = "project-policy"
	policyName = "policy"
	policiesOf = "logstore-policies"
)

// SharedPolicy is the policy of a project or of a logstore. The zero SharedPolicy is none.
type SharedPolicy struct {
	Document          string // as it was set
	Created, Modified time.Time
}

func policyPlace(logstore string) (kind string) {
	if logstore == "" {
		return policyKind
	}
	return meta.LogstoreKinds(logstore) + policyKind
}

// readPolicies reads the policies of a project and of its logstores.
func (k *Keys) readPolicies(tx meta.Tx, project string, o *owned) (err error) {
	if o.policy, err = k.compileShared(tx, project, "", "policy of project "+project); err != nil {
		return err
	}
	names, err := tx.DocumentNames(project, policiesOf)
	for _, name := range names {
		own, err := k.compileShared(tx, project, name, "policy of logstore "+project+"/"+name)
		if err != nil {
			return err
		}
		if own == nil {
			continue // the logstore is gone, and another may have its name
		}
		if o.logstores == nil {
			o.logstores = map[string]policy.Set{}
		}
		o.logstores[name] = slices.Concat(o.policy, own)
	}
	return err
}

// compileShared returns a policy by the name that decisions know it by; nil if there is none.
func (k *Keys) compileShared(tx meta.Tx, project, logstore, name string) (policy.Set, error) {
	doc, err := tx.Document(project, policyPlace(logstore), policyName)
	if sluice.KindOf(err) == sluice.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p, err := k.directory.Compile(string(doc.Body), policy.Resource)
	if err != nil {
		return nil, sluice.Errorf(sluice.Internal, "policy", "the %s: %w", name, err)
	}
	return policy.Set{{Name: name, Policy: p}}, nil
}

// shared are the policies that decide about a resource of the project, beside those of whoever asks.
func (o *owned) shared(r *Resource) policy.Set {
	if len(o.logstores) > 0 {
		if own, ok := o.logstores[r.logstore()]; ok {
			return own
		}
	}
	return o.policy
}

// Policy returns the policy of a project, or of a logstore in it. Errors: NotFound "project".
func (k *Keys) Policy(ctx context.Context, project, logstore string) (SharedPolicy, error) {
	var doc meta.Document
	err := k.store.View(ctx, func(tx meta.Tx) (err error) {
		doc, err = tx.Document(project, policyPlace(logstore), policyName)
		return err
	})
	var missing *sluice.Error
	if errors.As(err, &missing) && missing.Noun == "document" {
		return SharedPolicy{}, nil
	}
	return SharedPolicy{string(doc.Body), doc.Created, doc.Modified}, err
}

// SetPolicy sets the policy of a project, or of a logstore in it, or takes it away if document is "". It is in force when the call returns.
// Errors: Invalid "document"; NotFound "project", "logstore".
func (k *Keys) SetPolicy(ctx context.Context, project, logstore, document string) error {
	if document != "" {
		if err := iam.CheckDocument(document, policy.Resource); err != nil {
			return err
		}
	}
	return k.store.Update(ctx, func(tx meta.Tx) error {
		if logstore != "" {
			if err := k.markPolicy(tx, project, logstore, document != ""); err != nil {
				return err
			}
		}
		kind := policyPlace(logstore)
		old, err := tx.Document(project, kind, policyName)
		now := k.now()
		doc := meta.Document{Project: project, Kind: kind, Name: policyName, Body: []byte(document), Created: now, Modified: now}
		switch missing := sluice.KindOf(err) == sluice.NotFound; {
		case err != nil && !missing:
			return err
		case missing && document == "":
			_, err := tx.Project(project)
			return err
		case missing:
			return tx.CreateDocument(doc)
		case document == "":
			return tx.DeleteDocument(project, kind, policyName)
		}
		doc.Created = old.Created
		return tx.UpdateDocument(doc)
	})
}

// markPolicy notes that a logstore has a policy, or has none any more.
func (k *Keys) markPolicy(tx meta.Tx, project, logstore string, has bool) error {
	if _, err := tx.Logstore(sluice.LogstoreRef{Project: project, Logstore: logstore}); err != nil {
		return err
	}
	_, err := tx.Document(project, policiesOf, logstore)
	missing := sluice.KindOf(err) == sluice.NotFound
	switch {
	case err != nil && !missing, missing == !has:
		if missing {
			return nil
		}
		return err
	case has:
		now := k.now()
		return tx.CreateDocument(meta.Document{Project: project, Kind: policiesOf, Name: logstore, Body: []byte("{}"), Created: now, Modified: now})
	}
	return tx.DeleteDocument(project, policiesOf, logstore)
}
