package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/follow"
	"github.com/sluicelog/sluice/cmd/sluice/internal/profile"
	"github.com/sluicelog/sluice/cmd/sluice/internal/weblog"
)

// The logstores of the demo.
var (
	demoSyslog = sluice.LogstoreRef{Project: "demo", Logstore: "syslog"}
	demoAccess = sluice.LogstoreRef{Project: "demo", Logstore: "access"}
	demoErrors = sluice.LogstoreRef{Project: "demo", Logstore: "errors"}
)

const (
	demoPerSecond = 3.0
	demoBacklog   = 64 << 10 // bytes of each log file to begin with
	demoTick      = time.Second
)

func (a *app) demoCommand() *cobra.Command {
	var saveAs string
	var files []string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Fill a project with live logs, to have something to look at",
		Long: `Fill a project "demo" with live logs until interrupted:

  demo/syslog  the log files of this machine (*.log, syslog and messages in /var/log), those that you may read
  demo/access  a web access log at about 3 requests a second. It is generated: its topic says so, and its addresses are from
               the ranges reserved for documentation
  demo/errors  what of demo/access has a status of 400 or more: the delivery task demo/errors ships it there`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings()
			if err != nil {
				return err
			}
			if saveAs != "" {
				if err := a.saveProfile(saveAs, &s); err != nil {
					return err
				}
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			d := &demo{app: a, c: c, settings: s, files: follow.New(demoBacklog, files...), begun: a.now()}
			defer d.files.Close()
			err = d.run(cmd.Context())
			a.err.ClearStatus()
			if cmd.Context().Err() != nil { // this is how it ends
				a.note("%s", d.told())
				return nil
			}
			return err
		},
	}
	cmd.Flags().StringVar(&saveAs, "save-profile", "", "save how the server is reached as profile `name`, so that the commands shown work in any shell")
	cmd.Flags().StringSliceVar(&files, "files", []string{"/var/log/*.log", "/var/log/syslog", "/var/log/messages"}, "log files to ship, as `patterns`")
	return cmd
}

// saveProfile keeps the settings in the profile file, and makes s say so.
func (a *app) saveProfile(name string, s *settings) error {
	path, file, err := a.profiles()
	if err != nil {
		return err
	}
	p := profile.Profile{
		Endpoint: s.endpoint, AccessKeyID: s.accessKeyID, AccessKeySecret: s.secret, SecurityToken: s.securityToken,
		Sign: s.sign, Region: s.region,
	}
	if err := file.Set(name, p); err != nil {
		return err
	}
	s.profile = name
	return file.Save(path)
}

// demo ships logs and counts them.
type demo struct {
	app      *app
	c        *client.Client
	settings settings
	files    *follow.Files
	begun    time.Time

	syslog, access int // logs stored
	trouble        string
}

func (d *demo) run(ctx context.Context) error {
	if err := d.prepare(ctx); err != nil {
		return err
	}
	d.announce()
	web := weblog.New(uint64(d.begun.UnixNano()), demoPerSecond)
	next := d.begun
	tick := time.NewTicker(demoTick)
	defer tick.Stop()
	for {
		if err := d.shipFiles(ctx); err != nil {
			return err
		}
		var requests []sluice.Record
		for now := d.app.now(); !next.After(now); next = next.Add(web.Wait(next)) {
			requests = append(requests, web.Next(next))
		}
		if err := d.shipAccess(ctx, requests); err != nil {
			return err
		}
		d.app.err.Status(d.told())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if now := d.app.now(); now.Sub(next) > time.Minute { // the machine slept: there were no visitors
			next = now
		}
	}
}

// prepare makes what is missing of the project and its logstores.
func (d *demo) prepare(ctx context.Context) error {
	err := d.c.CreateProject(ctx, demoSyslog.Project, "Logs of this machine, and a made-up web shop")
	if err != nil && client.Code(err) != "ProjectAlreadyExist" {
		return err
	}
	week, shards := 7, 2
	for _, ref := range []sluice.LogstoreRef{demoSyslog, demoAccess, demoErrors} {
		err := d.c.CreateLogstore(ctx, ref, client.LogstoreSpec{TTLDays: &week, ShardCount: &shards})
		if err != nil && client.Code(err) != "LogStoreAlreadyExist" {
			return err
		}
	}
	if err := indexDemo(ctx, d.c); err != nil {
		return err
	}
	return d.deliver(ctx)
}

// demoTask is the document of the demo's delivery task.
const demoTask = `{
	"name": "errors", "description": "requests that went wrong, to a logstore of their own",
	"source": {"logstore": "access"}, "filter": {"search": "status >= 400"},
	"limits": {"age": "1s"}, "sink": {"type": "sls", "project": "demo", "logstore": "errors"}
}`

// deliver makes the demo's delivery task, unless it is there.
func (d *demo) deliver(ctx context.Context) error {
	_, err := d.c.CreateDelivery(ctx, demoErrors.Project, []byte(demoTask))
	if client.Code(err) == "DeliveryTaskAlreadyExist" {
		return nil // as somebody may have changed it
	}
	if err != nil {
		return err
	}
	_, err = d.c.StartDelivery(ctx, demoErrors.Project, demoErrors.Logstore, false)
	return err
}

// announce says what is shipped and what to type next.
func (d *demo) announce() {
	sluice := program()
	if d.settings.profile != "" {
		if _, file, err := d.app.profiles(); err == nil && file.Current != d.settings.profile {
			sluice += " --profile " + d.settings.profile
		}
	}
	note := d.app.note
	note("The demo ships logs to %s, project demo:", d.settings.endpoint)
	note("  demo/access  a web access log, generated here")
	note("  demo/errors  what of it went wrong, shipped there by a delivery task")
	note("  demo/syslog  the log files of this machine that %s may read", whoami())
	note("")
	if d.settings.profile == "" {
		note("Try in another shell, with the same SLUICE_* variables:")
	} else {
		note("Try in another shell:")
	}
	for _, line := range []string{
		"tail -f demo/access",
		"tail -n 20 demo/syslog",
		"query demo/access 'status >= 400 and not method:POST'",
		"histogram demo/access --last 5m",
		"pull demo/access --from -1m -o json",
		"delivery watch demo/errors",
		"tail -f demo/errors",
		"status",
	} {
		note("  %s %s", d.app.err.Bold(sluice), line)
	}
	note("")
	note("The web console is not there yet. Ctrl-C ends the demo and keeps its logs.")
	note("")
}

func whoami() string {
	if os.Geteuid() == 0 {
		return "root"
	}
	if user := os.Getenv("USER"); user != "" {
		return user
	}
	return "you"
}

// shipFiles ships what was added to the log files.
func (d *demo) shipFiles(ctx context.Context) error {
	added, err := d.files.Read()
	if err != nil {
		return err
	}
	for _, lines := range added {
		group := d.group(strings.TrimSuffix(filepath.Base(lines.Path), ".log"))
		group.Tags = append(group.Tags, sluice.Field{Key: "__path__", Value: lines.Path})
		now := d.app.now()
		for _, line := range lines.Lines {
			group.Records = append(group.Records, sluice.Record{
				Time: uint32(now.Unix()), Nanos: uint32(now.Nanosecond()),
				Fields: []sluice.Field{{Key: "content", Value: string(line)}},
			})
		}
		if err := d.ship(ctx, demoSyslog, group); err != nil {
			return err
		}
		d.syslog += len(group.Records)
	}
	return nil
}

func (d *demo) shipAccess(ctx context.Context, requests []sluice.Record) error {
	if len(requests) == 0 {
		return nil
	}
	group := d.group("generated")
	group.Records = requests
	if err := d.ship(ctx, demoAccess, group); err != nil {
		return err
	}
	d.access += len(requests)
	return nil
}

func (d *demo) group(topic string) *sluice.LogGroup {
	host, _ := os.Hostname() // a machine without a name has an empty source
	return &sluice.LogGroup{Topic: topic, Source: host}
}

// ship stores a group however long the server is away.
func (d *demo) ship(ctx context.Context, ref sluice.LogstoreRef, group *sluice.LogGroup) error {
	delay := retryAtFirst
	for {
		err := d.c.PutLogs(ctx, ref, group, client.PutOptions{})
		var refused *client.Error
		if err == nil || ctx.Err() != nil || (errors.As(err, &refused) && !refused.Temporary()) {
			d.trouble = ""
			return err
		}
		d.trouble, _ = explain(err)
		d.app.err.Status(d.told())
		if !sleep(ctx, delay) {
			return ctx.Err()
		}
		delay = min(2*delay, retryAtMost)
	}
}

// told is the state in a line.
func (d *demo) told() string {
	text := fmt.Sprintf("demo: %s logs in demo/access, %s in demo/syslog, %s", count(d.access), count(d.syslog),
		d.app.now().Sub(d.begun).Round(time.Second))
	if d.trouble != "" {
		text += "; trying again: " + d.trouble
	}
	return text
}
