package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sluicelog/sluice/internal/agent/identity"
	"github.com/sluicelog/sluice/internal/agentproto"
)

// codeVariable is where the code may be, so that it is not on a command line that others see.
const codeVariable = "SLUICE_ACTIVATION_CODE"

func (a *app) enroll(ctx context.Context, flags *flag.FlagSet, args []string) error {
	e := identity.Enrolment{Tags: map[string]string{}}
	flags.StringVar(&e.Server, "server", "", "`host:port` that agents connect to: assistant.listen of the server")
	flags.StringVar(&e.Activation, "activation", "", "`id` of the activation")
	flags.StringVar(&e.Code, "code", "-", "its `code`; - reads it from $"+codeVariable+" or from standard input")
	flags.StringVar(&e.Name, "name", "", "what the instance is to be called [the activation's choice, or the host's name]")
	flags.StringVar(&e.CA, "ca", "", "SHA-256 `fingerprint` that the server's CA must have [any CA of a server that proves that it knows the code]")
	force := flags.Bool("force", false, "give up the identity that this machine has")
	flags.Func("tag", "`key=value` tag of the instance; may be repeated", func(text string) error {
		k, v, _ := strings.Cut(text, "=")
		if k == "" {
			return errors.New("a tag has a key")
		}
		e.Tags[k] = v
		return nil
	})
	if err := parse(flags, args); err != nil {
		return err
	}
	if e.Server == "" || e.Activation == "" {
		return misused("--server and --activation are needed: sluice instance activate makes an activation and shows both")
	}
	var err error
	if e.Code, err = a.code(e.Code); err != nil {
		return err
	}
	e.CA = strings.ToLower(strings.ReplaceAll(e.CA, ":", ""))
	if e.Machine, err = a.machine(); err != nil {
		return err
	}
	id, err := identity.Enrol(ctx, a.state, e, *force)
	var refused *agentproto.Refused
	if errors.As(err, &refused) {
		return fmt.Errorf("%w: make a new activation with sluice instance activate if it is used up", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "enrolled as %s at %s\n", id.Instance(), id.Server())
	fmt.Fprintf(a.out, "the server's CA, which this machine trusts from now on: SHA-256 %s\n", id.Fingerprint())
	return nil
}

// code is the activation code, from where it was said to be.
func (a *app) code(flag string) (string, error) {
	if flag != "-" {
		return flag, nil
	}
	if code := os.Getenv(codeVariable); code != "" {
		return code, nil
	}
	line, err := bufio.NewReader(io.LimitReader(a.in, 1<<10)).ReadString('\n')
	if code := strings.TrimSpace(line); code != "" {
		return code, nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the code: %w", err)
	}
	return "", misused("the code of the activation is needed: --code, $%s, or a line on standard input", codeVariable)
}
