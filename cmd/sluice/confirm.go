package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
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
	line, err := bufio.NewReader(a.stdin).ReadString('\n')
	if err != nil && err != io.EOF {
		return fmt.Errorf("read the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was changed")
}

// terminalIn is standard input if a person types there, else nil.
func (a *app) terminalIn() *os.File {
	file, ok := a.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil
	}
	return file
}

// askSecret reads a line that the terminal does not show.
func (a *app) askSecret(prompt string) (string, error) {
	file := a.terminalIn()
	if file == nil {
		return "", nil
	}
	fmt.Fprint(a.err, prompt)
	secret, err := term.ReadPassword(int(file.Fd()))
	fmt.Fprintln(a.err)
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	return strings.TrimSpace(string(secret)), nil
}
