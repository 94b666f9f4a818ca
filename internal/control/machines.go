package control

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Which configurations apply to which machine groups is kept as links, documents without a body that lie on both sides, so that both
// questions are answered by a list of names:
//
//	machinegroup/GROUP/config   name CONFIG
//	config/CONFIG/machinegroup  name GROUP
//
// Logtail and pipeline configurations share their names, so a link tells no difference.

// maxMachines is the most identifiers of one group, so that a document stays within its bounds.
const maxMachines = 20_000

func checkMachineGroup(d Document) error {
	err := members{
		{"groupType", aText, false}, {"groupAttribute", anObject, false}, {"machineIdentifyType", aText, true}, {"machineList", anArray, false},
	}.check(d)
	if err != nil {
		return err
	}
	if kind := d.Text("machineIdentifyType"); kind != "ip" && kind != "userdefined" {
		return sluice.Errorf(sluice.Invalid, "", "machineIdentifyType %.40q is neither ip nor userdefined", kind)
	}
	if kind := d.Text("groupType"); kind != "" && kind != "Armory" {
		return sluice.Errorf(sluice.Invalid, "", "groupType %.40q is neither empty nor Armory", kind)
	}
	_, err = machinesOf(d)
	return err
}

// machinesOf are the identifiers of a group's machines: addresses, or names that machines give themselves.
func machinesOf(d Document) ([]string, error) {
	all := []string{}
	if d.Has("machineList") {
		if err := json.Unmarshal(d["machineList"], &all); err != nil {
			return nil, sluice.Errorf(sluice.Invalid, "", "machineList is not an array of texts")
		}
	}
	if len(all) > maxMachines {
		return nil, sluice.Errorf(sluice.Invalid, "", "machineList has %d entries, more than %d", len(all), maxMachines)
	}
	return all, nil
}

// Machines returns the kind of identifiers of a group, ip or userdefined, and the identifiers.
func (c *Control) Machines(ctx context.Context, project, group string) (kind string, ids []string, err error) {
	d, err := c.Get(ctx, Place{Scope: project}, MachineGroups, group)
	if err != nil {
		return "", nil, err
	}
	ids, err = machinesOf(d)
	return d.Text("machineIdentifyType"), ids, err
}

// ChangeMachines adds identifiers to a group, or takes them away. Those that are there, or are not, stay so.
func (c *Control) ChangeMachines(ctx context.Context, project, group string, add bool, ids []string) error {
	return c.Change(ctx, Place{Scope: project}, MachineGroups, group, func(d Document) error {
		have, err := machinesOf(d)
		if err != nil {
			return err
		}
		for _, id := range ids {
			i := slices.Index(have, id)
			switch {
			case add && i < 0:
				have = append(have, id)
			case !add && i >= 0:
				have = slices.Delete(have, i, i+1)
			}
		}
		d.Set("machineList", have)
		return nil
	})
}

// Kinds of both ends, and of the links between them.
const (
	groupKind    = "machinegroup"
	configKind   = "config"
	pipelineKind = "pipelineconfig"
)

func configsOf(group string) string { return groupKind + "/" + group + "/" + configKind }
func groupsOf(config string) string { return configKind + "/" + config + "/" + groupKind }

// Apply has a configuration, or one of the pipelines of newer agents, apply to a machine group. Once is as good as twice.
func (c *Control) Apply(ctx context.Context, project, group, config string) error {
	return c.store.Update(ctx, func(tx meta.Tx) error {
		if err := c.linked(tx, project, group, config); err != nil {
			return err
		}
		now := c.o.Now()
		for kind, name := range map[string]string{configsOf(group): config, groupsOf(config): group} {
			err := tx.CreateDocument(meta.Document{Project: project, Kind: kind, Name: name, Created: now, Modified: now})
			if err != nil && sluice.KindOf(err) != sluice.AlreadyExists {
				return err
			}
		}
		return nil
	})
}

// Remove has a configuration apply to a machine group no more.
func (c *Control) Remove(ctx context.Context, project, group, config string) error {
	return c.store.Update(ctx, func(tx meta.Tx) error {
		if err := c.linked(tx, project, group, config); err != nil {
			return err
		}
		return unlink(tx, project, group, config)
	})
}

// linked returns an error if one of the two is not there.
func (c *Control) linked(tx meta.Tx, project, group, config string) error {
	if _, err := c.get(tx, Place{Scope: project}, MachineGroups, group); err != nil {
		return err
	}
	return c.configured(tx, project, config)
}

// configured returns an error unless there is a configuration of this name, of either kind.
func (c *Control) configured(tx meta.Tx, project, config string) error {
	_, err := c.get(tx, Place{Scope: project}, Configs, config)
	if sluice.KindOf(err) == sluice.NotFound && nounOf(err) == Configs.Noun {
		_, err = c.get(tx, Place{Scope: project}, PipelineConfigs, config)
	}
	return err
}

func unlink(tx meta.Tx, project, group, config string) error {
	for kind, name := range map[string]string{configsOf(group): config, groupsOf(config): group} {
		if err := tx.DeleteDocument(project, kind, name); err != nil && sluice.KindOf(err) != sluice.NotFound {
			return err
		}
	}
	return nil
}

// unlinkGroup takes a group that goes away from its configurations.
func unlinkGroup(tx meta.Tx, project, group string) error {
	configs, err := tx.DocumentNames(project, configsOf(group))
	for _, config := range configs {
		if err == nil {
			err = unlink(tx, project, group, config)
		}
	}
	return err
}

// unlinkConfig takes a configuration that goes away from its groups.
func unlinkConfig(tx meta.Tx, project, config string) error {
	groups, err := tx.DocumentNames(project, groupsOf(config))
	for _, group := range groups {
		if err == nil {
			err = unlink(tx, project, group, config)
		}
	}
	return err
}

// AppliedConfigs are the configurations that apply to a group.
func (c *Control) AppliedConfigs(ctx context.Context, project, group string) (names []string, err error) {
	err = c.store.View(ctx, func(tx meta.Tx) (err error) {
		if _, err = c.get(tx, Place{Scope: project}, MachineGroups, group); err != nil {
			return err
		}
		names, err = tx.DocumentNames(project, configsOf(group))
		return err
	})
	return names, err
}

// AppliedGroups are the groups that a configuration applies to.
func (c *Control) AppliedGroups(ctx context.Context, project, config string) (names []string, err error) {
	err = c.store.View(ctx, func(tx meta.Tx) (err error) {
		if err = c.configured(tx, project, config); err != nil {
			return err
		}
		names, err = tx.DocumentNames(project, groupsOf(config))
		return err
	})
	return names, err
}
