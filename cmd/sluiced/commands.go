package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/version"
	"github.com/sluicelog/sluice/internal/vfs"
)

func configCommand(c *config.Config, resolve func(*cobra.Command) error, stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check or show the configuration",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "check",
		Short: "Say whether file, environment and flags are right together",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := resolve(cmd); err != nil {
				return err
			}
			fmt.Fprintln(stdout, "the configuration is right")
			return nil
		},
	}, &cobra.Command{
		Use:   "print",
		Short: "Show the configuration as a file, secrets hidden",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := resolve(cmd); err != nil {
				return err
			}
			return c.Print(stdout)
		},
	})
	return cmd
}

func dumpCommand(stdout io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "dump FILE…",
		Short: "Show what data files hold",
		Args: func(_ *cobra.Command, files []string) error {
			if len(files) == 0 {
				return usage(errors.New("dump needs the data files to show"))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, files []string) error {
			for _, file := range files {
				if err := shard.Dump(stdout, vfs.OS{}, file); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func versionCommand(stdout io.Writer) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			switch output {
			case "text":
				fmt.Fprintln(stdout, version.Current().Line("sluiced"))
				return nil
			case "json":
				e := json.NewEncoder(stdout)
				e.SetIndent("", "  ")
				return e.Encode(version.Current())
			}
			return usage(fmt.Errorf("output %q is not text or json", output))
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}
