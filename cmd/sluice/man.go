package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manualSection is that of programs for everyone.
const manualSection = "1"

func (a *app) manCommand(root *cobra.Command) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "man [COMMAND...]",
		Short: "Print the manual page of a command, or write all of them to a directory",
		Long: `Print the manual page of a command in the form that man reads, or write the pages of all commands to a directory, such as one named
man1 below a directory of MANPATH.`,
		Example: `  sluice man | man -l -
  sluice man copy data | man -l -
  sluice man --dir /usr/local/share/man/man1`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir != "" {
				return a.writeManual(root, dir)
			}
			about, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return misused(cmd, fmt.Errorf("there is no command %q", strings.Join(args, " ")))
			}
			return manual(a.out, about)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "write all pages to this `directory`, which is made if needed")
	return cmd
}

// writeManual writes a file for each command.
func (a *app) writeManual(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	pages := 0
	err := eachCommand(root, func(cmd *cobra.Command) error {
		var text strings.Builder
		if err := manual(&text, cmd); err != nil {
			return err
		}
		pages++
		return os.WriteFile(filepath.Join(dir, pageName(cmd)+"."+manualSection), []byte(text.String()), 0o644)
	})
	if err == nil {
		a.note("%s in %s", plural(pages, "manual page"), dir)
	}
	return err
}

// eachCommand calls f with a command and all below it that are shown in help.
func eachCommand(cmd *cobra.Command, f func(*cobra.Command) error) error {
	if cmd.Hidden || cmd.Name() == "help" {
		return nil
	}
	if err := f(cmd); err != nil {
		return err
	}
	for _, child := range cmd.Commands() {
		if err := eachCommand(child, f); err != nil {
			return err
		}
	}
	return nil
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manual writes the page of a command in man(7).
func manual(w io.Writer, cmd *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s %s\n", strings.ToUpper(roff(pageName(cmd))), manualSection)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(pageName(cmd)), roff(cmd.Short))
	usage := strings.TrimPrefix(cmd.UseLine(), cmd.CommandPath())
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n%s\n", roff(cmd.CommandPath()), roff(strings.TrimSpace(usage)))
	if cmd.Long != "" {
		fmt.Fprintf(&b, ".SH DESCRIPTION\n%s", paragraphs(cmd.Long))
	}
	manualFlags(&b, "OPTIONS", cmd.NonInheritedFlags())
	manualFlags(&b, "GLOBAL OPTIONS", cmd.InheritedFlags())
	if cmd.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(cmd.Example))
	}
	b.WriteString(".SH EXIT STATUS\n" + paragraphs(exitCodes))
	var see []string
	if cmd.HasParent() {
		see = append(see, pageName(cmd.Parent()))
	}
	for _, child := range cmd.Commands() {
		if !child.Hidden && child.Name() != "help" {
			see = append(see, pageName(child))
		}
	}
	if len(see) > 0 {
		b.WriteString(".SH SEE ALSO\n")
		for i, name := range see {
			comma := ","
			if i == len(see)-1 {
				comma = ""
			}
			fmt.Fprintf(&b, ".BR %s (%s)%s\n", roff(name), manualSection, comma)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// exitCodes say what the exit codes are, for help and manual.
const exitCodes = `0 done; 1 failed, and of diff, something is different; 2 the command cannot be meant as it was given, and of diff, failed;
3 done as far as the server could, the answer is incomplete.`

func manualFlags(b *strings.Builder, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		value, usage := pflag.UnquoteUsage(f)
		if value != "" {
			name += " " + value
		}
		switch f.DefValue {
		case "", "0", "false", "[]", "0s":
		default:
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(name), roff(usage))
	})
}

// paragraphs is a text with empty lines between paragraphs.
func paragraphs(text string) string {
	var b strings.Builder
	for i, p := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		b.WriteString(roff(p) + "\n")
	}
	return b.String()
}

// roff escapes what man would act on: backslashes, hyphens that are to stay as they are, and dots and quotes at the beginning of a line.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
