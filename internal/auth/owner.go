package auth

import (
	"context"
	"strings"
	"sync"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/iam/policy"
	"github.com/sluicelog/sluice/internal/meta"
)

// owned is what decisions need of a project: whose it is, its policy, and those of logstores that have one of their own.
type owned struct {
	account   string
	policy    policy.Set
	logstores map[string]policy.Set // the project's policy and their own
}

// Guard makes a project the server's own: nobody changes anything in it, root neither, and nobody but the installation's root reads it. It is called
// once, before the first request.
func (k *Keys) Guard(project string) { k.guarded = project }

// Guarded is the project that is guarded, "" if there is none. Lists of projects leave it out: whoever copies or exports all there is has no use for it.
func (k *Keys) Guarded() string { return k.guarded }

// Reserve names logstores that belong to the server in projects of others: nobody writes to them or changes them, and consumers alone may move their
// checkpoints. It is called once, before the first request; reserved is called from many goroutines.
func (k *Keys) Reserve(reserved func(sluice.LogstoreRef) bool) { k.reserved = reserved }

func (k *Keys) reserves(a Action, r Resource) bool {
	if k.reserved == nil || !a.Mutating || r.Project == "" {
		return false
	}
	ref := sluice.LogstoreRef{Project: r.Project, Logstore: r.Logstore}
	if ref.Logstore == "" {
		rest, ok := strings.CutPrefix(r.Path, "logstore/")
		if !ok {
			return false
		}
		ref.Logstore, rest, _ = strings.Cut(rest, "/")
		if strings.HasPrefix(rest, "consumergroup/") {
			return false
		}
	}
	return k.reserved(ref)
}

func (k *Keys) guards(project string) bool { return project != "" && project == k.guarded }

// owners holds what was found out of projects, as of one generation of the metadata. Only projects that are there are kept: strangers choose
// other names.
type owners struct {
	mu         sync.RWMutex
	generation uint64
	projects   map[string]owned
}

func (o *owners) get(generation uint64, project string) (owned, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.generation != generation {
		return owned{}, false
	}
	found, ok := o.projects[project]
	return found, ok
}

// put keeps what was read when the metadata was at generation or later.
func (o *owners) put(generation uint64, project string, found owned) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if generation < o.generation {
		return // it may be out of date already
	}
	if generation > o.generation {
		o.generation, o.projects = generation, map[string]owned{}
	}
	o.projects[project] = found
}

// owner finds whose a project is, and its policy. A policy that cannot be read is an error: it may deny something.
func (k *Keys) owner(ctx context.Context, project string) (found owned, exists bool, err error) {
	generation := k.store.Generation() // before the View: what it reads is at least as new
	if found, ok := k.owners.get(generation, project); ok {
		return found, true, nil
	}
	err = k.store.View(ctx, func(tx meta.Tx) error {
		p, err := tx.Project(project)
		if err != nil {
			return err
		}
		if found.account, err = k.directory.OwnerOf(tx, p.Account); err != nil {
			return err
		}
		return k.readPolicies(tx, project, &found)
	})
	if sluice.KindOf(err) == sluice.NotFound {
		return owned{}, false, nil
	}
	if err == nil {
		k.owners.put(generation, project, found)
	}
	return found, err == nil, err
}

// AccountID is the id of the account that metadata calls account: "" is the root.
func (k *Keys) AccountID(account string) string {
	if account == "" {
		return k.directory.Root()
	}
	return account
}

// MayShip asks whether logs may go from a project to a logstore without anybody's request: in one account they may, and into another as far as
// the policy of the project there lets this account write. Whoever set up the way was asked, too; but projects may have changed hands since.
func (k *Keys) MayShip(ctx context.Context, from string, to sluice.LogstoreRef) error {
	if k.guards(to.Project) {
		return refuse("action", "project %s is the server's own: nobody else writes to it", to.Project)
	}
	if k.reserved != nil && k.reserved(to) {
		return refuse("action", "logstore %v belongs to an audit trail: nobody else writes to it", to)
	}
	source, exists, err := k.owner(ctx, from)
	if err != nil {
		return err
	}
	target, there, err := k.owner(ctx, to.Project)
	if err != nil {
		return err
	}
	if !there || exists && source.account == target.account {
		return nil // that nothing is there, the write door says
	}
	p := Principal{Account: source.account, Owner: exists, keys: k}
	return p.at(policy.Context{Time: k.now()}).Authorize(Action{Name: "log:PostLogStoreLogs", Mutating: true}, Resource{Project: to.Project, Logstore: to.Logstore})
}
