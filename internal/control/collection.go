package control

import (
	"context"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Collection is what of a project is for agents, as it is at one moment.
type Collection struct {
	Groups  []CollectionGroup // by name
	Configs []CollectionConfig
}

// CollectionGroup is a machine group with the names of the configurations that apply to it.
type CollectionGroup struct {
	Name    string
	Kind    string // of the identifiers: ip or userdefined
	IDs     []string
	Configs []string
}

// CollectionConfig is a configuration that applies to a group at least.
type CollectionConfig struct {
	Name     string
	Document Document
	Pipeline bool      // it is one of the newer agents, [PipelineConfigs]
	Modified time.Time // grows with every change
}

// Generation grows with every change of documents. What was read of them after it was asked for holds until it is another one.
func (c *Control) Generation() uint64 { return c.store.Generation() }

// Collection returns what of a project is for agents. Errors: NotFound, noun "project".
func (c *Control) Collection(ctx context.Context, project string) (all Collection, err error) {
	err = c.store.View(ctx, func(tx meta.Tx) error {
		if _, err := tx.Project(project); err != nil {
			return err
		}
		groups, err := tx.Documents(project, groupKind)
		if err != nil {
			return err
		}
		seen := map[string]bool{}
		for _, stored := range groups {
			g, err := collectionGroup(tx, project, stored)
			if err != nil {
				return err
			}
			all.Groups = append(all.Groups, g)
			for _, name := range g.Configs {
				if seen[name] {
					continue
				}
				seen[name] = true
				config, err := c.collectionConfig(tx, project, name)
				if err != nil {
					return err
				}
				all.Configs = append(all.Configs, config)
			}
		}
		return nil
	})
	return all, err
}

func collectionGroup(tx meta.Tx, project string, stored meta.Document) (g CollectionGroup, err error) {
	d, err := parseStored(stored.Body)
	if err != nil {
		return g, err
	}
	g = CollectionGroup{Name: stored.Name, Kind: d.Text("machineIdentifyType")}
	if g.IDs, err = machinesOf(d); err != nil {
		return g, err
	}
	g.Configs, err = tx.DocumentNames(project, configsOf(stored.Name))
	return g, err
}

func (c *Control) collectionConfig(tx meta.Tx, project, name string) (CollectionConfig, error) {
	config, kind := CollectionConfig{Name: name}, Configs
	stored, err := tx.Document(project, configKind, name)
	if sluice.KindOf(err) == sluice.NotFound {
		config.Pipeline, kind = true, PipelineConfigs
		stored, err = tx.Document(project, kind.Name, name)
	}
	if err != nil {
		return config, err
	}
	config.Modified = stored.Modified
	config.Document, err = c.read(Place{Scope: project}, kind, stored)
	return config, err
}
