package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

// copyData measures how much of a logstore CopyData moves with a second of the processor time of the program that copies, with its state
// kept on the disk: to another logstore of the same server.
func (b *bench) copyData(ctx context.Context) error {
	s, err := b.start(ctx, "")
	if err != nil {
		return err
	}
	st, err := prepare(s, 2*shardsPerStore, nil)
	if err != nil {
		return err
	}
	groups := max(1, int(b.putMB*1e6/float64(b.bodies.list[0].raw)))
	from := &stores{names: st.names[:1], shards: st.shards}
	if err := flood(ctx, s, from, b.bodies.list, groups, connections); err != nil {
		return err
	}
	if _, err := s.settle(); err != nil {
		return err
	}
	c, err := client.New(client.Options{Endpoint: "http://" + s.Addr, AccessKeyID: accessKeyID, Secret: accessSecret})
	if err != nil {
		return err
	}
	begun, before := time.Now(), ownCPU()
	p, err := c.CopyData(ctx, sluice.LogstoreRef{Project: project, Logstore: st.names[0]}, client.CopyOptions{
		Target: sluice.LogstoreRef{Project: project, Logstore: st.names[1]}, State: filepath.Join(s.dir, "copy.state"),
	})
	cpu, wall := ownCPU()-before, time.Since(begun)
	if err != nil {
		return err
	}
	if want := int64(groups) * int64(weblogs.groupRecords); p.Logs != want || p.Uncertain != 0 {
		return fmt.Errorf("copied %d logs of %d: %+v", p.Logs, want, p)
	}
	raw := float64(p.Bytes) / 1e6
	b.report.add("hub", "copy", "CopyData, state on disk, of the program that copies", "MB/CPU s", "≥ 100", raw/cpu.Seconds())
	b.report.add("hub", "copy_wall", "… over the clock, server on the same machine", "MB/s", "", raw/wall.Seconds())
	return s.stop()
}

// ownCPU is the processor time that this program has used.
func ownCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		panic(err) // the arguments are constants
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
