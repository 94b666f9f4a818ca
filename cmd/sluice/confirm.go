package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func yesFlag(cmd *cobra.Command, yes *bool) {
	cmd.Flags().BoolVarP(yes, "yes", "y", false, "do not ask")
}

// confirm asks before something is lost for good. Without a person to ask, only --yes will do.
func (a *app) confirm(cmd *cobra.Command, yes bool, format string, args ...any) error {
	if yes {
		return nil
	}
	if a.terminalIn() == nil || !a.err.Terminal() {
		return misused(cmd, errors.New("this cannot be undone; say --yes"))
	}
	fmt.Fprintf(a.err, format+" [y/N] ", args...)
	answer, err := a.line(cmd.Context())
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was changed")
}
