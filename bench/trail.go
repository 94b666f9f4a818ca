package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/sluicelog/sluice/client"
)

// audited is a server whose writes are measured for what audit events cost.
type audited struct {
	name, what string
	binary     string   // another one than that which is measured; "" for none
	env        []string // of the server
	data       bool     // a trail asks for the events of PutLogs
}

// trail measures what audit events cost writers, in processor time of the server for each gigabyte written: with management events only, and in strict
// mode with data events, of which one in a hundred is recorded. With -without, a binary from before there were any, the share of both is told. The
// servers take turns, and each run begins with another.
func (b *bench) trail(ctx context.Context) error {
	all := []audited{
		{name: "trail_management", what: "PutLogs, management events only"},
		{name: "trail_strict", what: "PutLogs, strict, one in 100 data events", env: []string{"SLUICE_TRAIL_STRICT=true", "SLUICE_TRAIL_DATA_ONE_IN=100"}, data: true},
	}
	if b.without != "" {
		all = append(all, audited{name: "trail_without", what: "PutLogs, a server without audit events", binary: b.without})
	}
	const pairs = 3
	costs := map[string]sample{}
	for turn := range pairs {
		for i := range all {
			a := all[(i+turn)%len(all)]
			cost, err := b.auditedPuts(ctx, a)
			if err != nil {
				return fmt.Errorf("%s: %w", a.what, err)
			}
			costs[a.name] = append(costs[a.name], cost)
			b.report.add("trail", a.name, a.what, "CPU s/GB", "", cost)
		}
	}
	base, ok := costs["trail_without"]
	if !ok {
		return nil
	}
	b.report.add("trail", "trail_management_share", "… what management events add", "%", "≤ 5", 100*(median(costs["trail_management"])/median(base)-1))
	b.report.add("trail", "trail_strict_share", "… what strict mode with data events adds", "%", "≤ 15", 100*(median(costs["trail_strict"])/median(base)-1))
	return nil
}

// auditedPuts is the processor time of a server, in seconds, for each gigabyte that is put.
func (b *bench) auditedPuts(ctx context.Context, a audited) (float64, error) {
	own := b.binary
	b.binary = cmp.Or(a.binary, own)
	s, err := b.start(ctx, "", a.env...)
	b.binary = own
	if err != nil {
		return 0, err
	}
	st, err := prepare(s, 2, nil)
	if err != nil {
		return 0, err
	}
	if a.data {
		if err := askForData(ctx, s); err != nil {
			return 0, err
		}
	}
	groups := max(1, int(b.putMB/4*1e6/float64(b.bodies.list[0].raw)))
	cpu, _, err := s.measure(func() error { return flood(ctx, s, st, b.bodies.list, groups, connections) })
	if err != nil {
		return 0, err
	}
	return cpu.Seconds() / (float64(b.bodies.total(groups)) / 1e9), s.stop()
}

// askForData makes a trail that asks for the events of writes.
func askForData(ctx context.Context, s *server) error {
	c, err := client.New(client.Options{Endpoint: "http://" + s.Addr, AccessKeyID: accessKeyID, Secret: accessSecret})
	if err != nil {
		return err
	}
	me, err := c.WhoAmI(ctx)
	if err != nil {
		return err
	}
	const name = "bench-trail"
	arn := client.ProjectARN(me.AccountID, project)
	if err := c.CreateTrail(ctx, name, client.TrailSpec{ProjectARN: &arn}); err != nil {
		return err
	}
	if err := c.SetTrailDataEvents(ctx, name, []client.DataEvents{{Service: "Sls", Events: []string{"PostLogStoreLogs"}}}); err != nil {
		return err
	}
	return c.StartTrail(ctx, name)
}
