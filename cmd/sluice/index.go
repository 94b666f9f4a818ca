package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

func (a *app) indexCommand() *cobra.Command {
	return parent("index", "Index configurations: what queries can search for",
		a.indexShow(), a.indexSet(), a.indexRebuild(), a.indexSegments(), a.indexDelete())
}

func (a *app) indexShow() *cobra.Command {
	return a.refVerb("show", "Show the index configuration, as JSON or YAML", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef) error {
		config, err := c.Index(cmd.Context(), ref)
		if client.Code(err) == "IndexConfigNotExist" {
			return &hinted{err, "Give it one: sluice index set " + ref.String() + " --file index.json"}
		}
		if err != nil {
			return err
		}
		return a.show(cmd, config, func() error { return a.json(config) })
	})
}

const maxIndexConfig = 1 << 20

func (a *app) indexSet() *cobra.Command {
	var file string
	cmd := a.refVerb("set", "Set the index configuration", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef) error {
		config, err := a.readAll(cmd.Context(), file, maxIndexConfig)
		if err != nil {
			return err
		}
		if !json.Valid(config) {
			return errors.New("the index configuration is not JSON")
		}
		if err := c.SetIndex(cmd.Context(), ref, config); err != nil {
			return err
		}
		a.note("index configuration of %s set", ref)
		return nil
	})
	cmd.Example = `  echo '{"line":{"token":[" ",","]},"keys":{"status":{"type":"long","doc_value":true}}}' | sluice index set web/access`
	cmd.Flags().StringVarP(&file, "file", "f", "-", "`file` with the configuration in JSON, - for standard input")
	return cmd
}

// readAll reads a file, or standard input for "-".
func (a *app) readAll(ctx context.Context, name string, limit int64) ([]byte, error) {
	in := a.input(ctx)
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	raw, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", inputName(name), limit)
	}
	return raw, nil
}

// inputName is what messages call a file that readAll reads.
func inputName(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}

func (a *app) indexDelete() *cobra.Command {
	var yes bool
	cmd := a.refVerb("delete", "Delete the index configuration", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef) error {
		if err := a.confirm(cmd, yes, "Delete the index configuration of %s?", ref); err != nil {
			return err
		}
		return a.done(c.DeleteIndex(cmd.Context(), ref), "index configuration of %s deleted", ref)
	})
	yesFlag(cmd, &yes)
	return cmd
}
