package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/cmd/sluice/internal/record"
)

// putOptions are the flags of put.
type putOptions struct {
	format, field, timeField string
	flatten                  bool
	topic, source            string
	tags                     []string
	hashKey                  string
	batchBytes, batchCount   int
	linger                   time.Duration
	offset                   int64
}

func (a *app) putCommand() *cobra.Command {
	var o putOptions
	cmd := &cobra.Command{
		Use:   "put PROJECT/LOGSTORE [FILE...]",
		Short: "Send logs from files or standard input",
		Long: `Send logs from files, or from standard input when there are none or for "-".

A line is a log. Lines that are JSON objects become logs with a field for each member, every value as text; other lines become
logs with one field, content. The keys __time__, __topic__, __source__ and __tag__:name keep their meaning, so what
"sluice pull -o json" printed can be put again.

The exit code is 0 only when every line was stored. When sending stops early, the last line says how to go on without sending
again what is stored.`,
		Example: `  sluice put web/access access.log
  sluice put web/app --time-field ts --topic checkout app.json
  journalctl -f -o json | sluice put web/journal
  sluice pull web/access -o json | sluice put web/copy`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeRefThenFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			p, err := newPutter(cmd, a, ref, o)
			if err != nil {
				return misused(cmd, err)
			}
			p.send = c.PutLogs
			err = suggest(cmd.Context(), c, ref, p.run(cmd.Context(), args[1:]))
			return p.finish(cmd, args, err)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.format, "format", "auto", "json, raw, or auto to look at the first line of each input")
	flags.StringVar(&o.field, "field", record.DefaultField, "`name` of the field for raw lines")
	flags.StringVar(&o.timeField, "time-field", "", "JSON `field` that holds the time of a log; without one, or where it is no time, it is now")
	flags.BoolVar(&o.flatten, "flatten", false, `make {"a":{"b":1}} a field a.b instead of a field a with JSON text`)
	flags.StringVar(&o.topic, "topic", "", "topic of the logs")
	flags.StringVar(&o.source, "source", "", "source of the logs (default the name of this machine)")
	flags.StringArrayVar(&o.tags, "tag", nil, "`key=value` to tag the logs with; repeat for several")
	flags.StringVar(&o.hashKey, "hash-key", "", "send all to the shard that owns this `key` of 1 to 32 hexadecimal digits")
	flags.IntVar(&o.batchBytes, "batch-bytes", 1<<20, "most bytes of a log group")
	flags.IntVar(&o.batchCount, "batch-count", 4096, "most logs of a log group")
	flags.DurationVar(&o.linger, "linger", time.Second, "how `long` a log may wait for others when the input is slow")
	flags.Int64Var(&o.offset, "offset", 0, "skip this many bytes of the first input: where an earlier run stopped")
	return cmd
}

// newPutter checks the options.
func newPutter(cmd *cobra.Command, a *app, ref sluice.LogstoreRef, o putOptions) (*putter, error) {
	form, err := a.form(cmd)
	if err != nil {
		return nil, err
	}
	if o.format != "auto" {
		if _, err := record.ParseFormat(o.format, record.JSON, record.Raw); err != nil {
			return nil, err
		}
	}
	if o.batchBytes < 1 || o.batchCount < 1 || o.linger <= 0 || o.offset < 0 {
		return nil, errors.New("--batch-bytes, --batch-count and --linger are over 0, --offset is not under it")
	}
	if o.hashKey != "" {
		if _, err := sluice.ParseHashKey(o.hashKey); err != nil {
			return nil, err
		}
	}
	header := sluice.LogGroup{Topic: o.topic, Source: o.source}
	if o.source == "" {
		header.Source, _ = os.Hostname() // a machine without a name has an empty source
	}
	for _, tag := range o.tags {
		key, value, ok := strings.Cut(tag, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("tag %q is not of the form key=value", tag)
		}
		header.Tags = append(header.Tags, sluice.Field{Key: key, Value: value})
	}
	begin := mark{offset: o.offset}
	return &putter{app: a, ref: ref, o: o, header: header, document: form.name != "table" || form.query != nil, begun: a.now(), end: begin, stored: begin}, nil
}

// input is one opened file.
type input struct {
	index int
	name  string
	io.ReadCloser
}

// open opens the files one after the other; none means standard input.
func (p *putter) open(index int, name string) (input, error) {
	in := input{index: index, name: name}
	if name == "-" {
		in.name = "standard input"
		in.ReadCloser = io.NopCloser(p.app.stdin)
	} else {
		file, err := os.Open(name)
		if err != nil {
			return in, err
		}
		in.ReadCloser = file
	}
	if index == 0 && p.o.offset > 0 {
		if n, err := io.CopyN(io.Discard, in, p.o.offset); err != nil {
			in.Close()
			return in, fmt.Errorf("skip to --offset %d of %s, which has %d bytes: %w", p.o.offset, in.name, n, err)
		}
	}
	return in, nil
}

// size returns the bytes of all files together, 0 if some cannot be told.
func size(names []string) int64 {
	total := int64(0)
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() {
			return 0
		}
		total += info.Size()
	}
	return total
}

// run reads, batches and sends until the inputs end or something stops it.
func (p *putter) run(ctx context.Context, names []string) error {
	if len(names) == 0 {
		names = []string{"-"}
	}
	p.total = size(names) - p.o.offset
	items := make(chan item, 1024)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go p.read(ctx, names, items)
	linger := time.NewTimer(p.o.linger)
	defer linger.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-linger.C:
			if err := p.flush(ctx); err != nil {
				return err
			}
			linger.Reset(p.o.linger)
		case it, more := <-items:
			if !more {
				return p.flush(ctx)
			}
			if err := p.take(ctx, it); err != nil {
				return err
			}
		}
	}
}
