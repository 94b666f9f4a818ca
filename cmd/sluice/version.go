package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/internal/version"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := version.Current()
			return a.show(cmd, v, func() error {
				_, err := fmt.Fprintln(a.out, v.Line("sluice"))
				return err
			})
		},
	}
}
