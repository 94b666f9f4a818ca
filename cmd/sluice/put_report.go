package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// finish tells what became of the logs, and returns err with how to go on.
func (p *putter) finish(cmd *cobra.Command, args []string, err error) error {
	p.app.err.ClearStatus()
	p.sum.Seconds = p.app.now().Sub(p.begun).Seconds()
	for _, reason := range p.reasons {
		p.app.note("%s %s", p.app.err.Yellow("rejected:"), reason)
	}
	if more := p.sum.Rejected - len(p.reasons); more > 0 {
		p.app.note("and %d more rejected", more)
	}
	p.app.note("%s", p.sum.text(p.ref))
	if p.document {
		if jsonErr := p.app.show(cmd, p.sum, nil); jsonErr != nil {
			return jsonErr
		}
	}
	if err != nil {
		p.stopped(cmd, args, err)
		return &silent{err}
	}
	if p.sum.Rejected > 0 {
		return &silent{errors.New("some logs were rejected")}
	}
	return nil
}

// stopped tells why sending ended early and how to go on.
func (p *putter) stopped(cmd *cobra.Command, args []string, err error) {
	what, next := explain(err)
	if errors.Is(err, context.Canceled) {
		what, next = "interrupted", ""
	}
	p.app.note("%s %s", p.app.err.Red("error:"), what)
	if next != "" {
		p.app.note("%s", next)
	}
	if p.stored != (mark{offset: p.o.offset}) {
		p.app.note("Go on with: %s", p.resume(cmd, args))
	}
	if p.unsure {
		p.app.note("The last log group may be stored already, and would then be stored twice.")
	}
}

// resume is the command that sends what is left.
func (p *putter) resume(cmd *cobra.Command, args []string) string {
	words := []string{program(), "put", args[0]}
	cmd.LocalNonPersistentFlags().Visit(func(f *pflag.Flag) {
		switch value := f.Value.(type) {
		case pflag.SliceValue:
			for _, v := range value.GetSlice() {
				words = append(words, quoteWord("--"+f.Name+"="+v))
			}
		default:
			if f.Name != "offset" {
				words = append(words, quoteWord("--"+f.Name+"="+f.Value.String()))
			}
		}
	})
	words = append(words, "--offset="+strconv.FormatInt(p.stored.offset, 10))
	for _, name := range args[min(1+p.stored.index, len(args)):] {
		words = append(words, quoteWord(name))
	}
	return strings.Join(words, " ")
}

// quoteWord makes s one word of a shell.
func quoteWord(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("-_=./:,@%+", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// text is the summary for people.
func (s putSummary) text(ref sluice.LogstoreRef) string {
	text := fmt.Sprintf("%s (%s) in %s stored in %s in %.1f s", plural(s.Logs, "log"), bytesText(s.Bytes), plural(s.Groups, "log group"), ref, s.Seconds)
	if s.Rejected > 0 {
		text += fmt.Sprintf("; %s rejected", count(s.Rejected))
	}
	if s.Untimed > 0 {
		text += fmt.Sprintf("; %s without a time, taken as now", count(s.Untimed))
	}
	return text
}

func bytesText(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, units := float64(n)/1000, "kMGT"
	for value >= 999.5 && len(units) > 1 {
		value, units = value/1000, units[1:]
	}
	digits := 0
	if value < 9.95 {
		digits = 1
	}
	return fmt.Sprintf("%.*f %cB", digits, value, units[0])
}

// progressWidth is how wide bars of progress are.
const progressWidth = 30

// progress shows how far a big input is.
func (p *putter) progress() {
	const big = 8 << 20
	out := p.app.err
	if p.total < big || !out.Terminal() || p.app.now().Sub(p.shown) < 100*time.Millisecond {
		return
	}
	p.shown = p.app.now()
	done := float64(p.sum.Bytes) / float64(p.total)
	rate := float64(p.sum.Bytes) / p.app.now().Sub(p.begun).Seconds()
	left := time.Duration(float64(p.total-p.sum.Bytes)/max(rate, 1)) * time.Second
	out.Status(fmt.Sprintf("%s %3.0f%%  %s/s  %s left", tty.Progress(done, progressWidth), min(done, 1)*100, bytesText(int64(rate)), left.Round(time.Second)))
}
