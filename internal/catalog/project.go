package catalog

import (
	"context"
	"regexp"
	"strings"

	"github.com/sluicelog/sluice/internal/meta"
)

var projectName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`) // reference sls-api 7

// ProjectFilter chooses projects. Empty fields choose all; a Size of 0 means 500.
type ProjectFilter struct {
	Name            string // part of the name
	Description     string // part of the description, in any case
	ResourceGroupID string
	Owner           func(account string) bool // whose; nil chooses all. The account as meta.Project has it
	Hidden          string                    // one that is never chosen; "" for none
	Offset, Size    int
}

func (f ProjectFilter) match(p meta.Project) bool {
	return (f.Hidden == "" || p.Name != f.Hidden) && strings.Contains(p.Name, f.Name) &&
		strings.Contains(strings.ToLower(p.Description), strings.ToLower(f.Description)) &&
		(f.ResourceGroupID == "" || f.ResourceGroupID == p.ResourceGroupID) &&
		(f.Owner == nil || f.Owner(p.Account))
}

// CreateProject makes a project. Times are set here; an empty DataRedundancy becomes LRS. Errors: Throttled "quota" if its account has as many as
// it may.
func (c *Catalog) CreateProject(ctx context.Context, p meta.Project) error {
	if !projectName.MatchString(p.Name) {
		return invalid("parameter", "project name %q is invalid: it is 3 to 63 lower-case letters, digits and -, with a letter or digit at both ends", p.Name)
	}
	if p.DataRedundancy == "" {
		p.DataRedundancy = "LRS"
	}
	if err := checkProject(p); err != nil {
		return err
	}
	p.Created = c.o.Now()
	p.Modified = p.Created
	return c.store.Update(ctx, func(tx meta.Tx) error {
		if err := tx.CreateProject(p); err != nil { // a name that is taken says so, whether there is room or not
			return err
		}
		return c.checkProjectRoom(tx, p.Account)
	})
}

// checkProjectRoom returns the quota error if an account has more projects than it may.
func (c *Catalog) checkProjectRoom(tx meta.Tx, account string) error {
	all, err := tx.Projects()
	n := 0
	for i := range all {
		if all[i].Account == account {
			n++
		}
	}
	if n > c.o.MaxProjectsPerAccount {
		return overQuota("the account has %d projects, the quota is %d", n-1, c.o.MaxProjectsPerAccount)
	}
	return err
}

func checkProject(p meta.Project) error {
	switch p.DataRedundancy {
	case "LRS", "ZRS":
		return nil
	}
	return invalid("parameter", "dataRedundancyType %q is neither LRS nor ZRS", p.DataRedundancy)
}

// Project returns a project.
func (c *Catalog) Project(ctx context.Context, name string) (p meta.Project, err error) {
	err = c.store.View(ctx, func(tx meta.Tx) (err error) {
		p, err = tx.Project(name)
		return err
	})
	return p, err
}

// Projects returns one page of the projects that f chooses, by name, and how many it chooses in all.
func (c *Catalog) Projects(ctx context.Context, f ProjectFilter) (page []meta.Project, total int, err error) {
	chosen := []meta.Project{}
	err = c.store.View(ctx, func(tx meta.Tx) error {
		all, err := tx.Projects()
		for _, p := range all {
			if f.match(p) {
				chosen = append(chosen, p)
			}
		}
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	page, err = cutPage(chosen, f.Offset, f.Size)
	return page, len(chosen), err
}

// UpdateProject applies change to a project. Its name, its account and its times are not change's to set.
func (c *Catalog) UpdateProject(ctx context.Context, name string, change func(*meta.Project)) error {
	if err := c.mayChange(name); err != nil {
		return err
	}
	return c.store.Update(ctx, func(tx meta.Tx) error {
		old, err := tx.Project(name)
		if err != nil {
			return err
		}
		p := old
		change(&p)
		p.Name, p.Account, p.Created, p.Modified = old.Name, old.Account, old.Created, c.o.Now()
		if err := checkProject(p); err != nil {
			return err
		}
		return tx.UpdateProject(p)
	})
}

// DeleteProject removes a project with its logstores and their logs.
func (c *Catalog) DeleteProject(ctx context.Context, name string) error {
	if err := c.mayChange(name); err != nil {
		return err
	}
	var gone []meta.Shard
	err := c.store.Update(ctx, func(tx meta.Tx) (err error) {
		if gone, err = projectShards(tx, name); err != nil {
			return err
		}
		return tx.DeleteProject(name)
	})
	if err != nil {
		return err
	}
	c.dropLogs(gone)
	return nil
}

// projectShards returns all shards of a project.
func projectShards(tx meta.Tx, project string) ([]meta.Shard, error) {
	logstores, err := tx.Logstores(project)
	if err != nil {
		return nil, err
	}
	var all []meta.Shard
	for _, l := range logstores {
		shards, err := tx.Shards(l.Ref())
		if err != nil {
			return nil, err
		}
		all = append(all, shards...)
	}
	return all, nil
}
