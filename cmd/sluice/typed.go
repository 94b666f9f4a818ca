package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// input is standard input until ctx ends. Whoever gives up with Ctrl-C where text is expected does not have to end the line, or the
// text, before the program hears of it. Its reads are copied once more: it is for documents and answers, not for logs.
func (a *app) input(ctx context.Context) io.Reader { return &typed{ctx, a.stdin} }

type typed struct {
	ctx  context.Context
	from io.Reader
}

// Read leaves a read behind when ctx ends; what that gets is lost.
func (t *typed) Read(p []byte) (int, error) {
	buffer := make([]byte, min(len(p), 64<<10))
	n, err := await(t.ctx, func() (int, error) { return t.from.Read(buffer) })
	return copy(p, buffer[:n]), err
}

// await returns what read returns, or the error of ctx as soon as that ends.
func await[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		v, err := read()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.v, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// line reads one line of at most 4 KiB, without spaces around it.
func (a *app) line(ctx context.Context) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(a.input(ctx), 4<<10)).ReadString('\n')
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.TrimSpace(line), err
}

// terminalIn is standard input if a person types there, else nil.
func (a *app) terminalIn() *os.File {
	file, ok := a.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil
	}
	return file
}

// askSecret reads a line that the terminal does not show. Without a person to ask, it is "". The terminal shows again what is typed
// when ctx ends.
func (a *app) askSecret(ctx context.Context, prompt string) (string, error) {
	file := a.terminalIn()
	if file == nil {
		return "", nil
	}
	fd := int(file.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	fmt.Fprint(a.err, prompt)
	secret, err := await(ctx, func() ([]byte, error) { return term.ReadPassword(fd) })
	fmt.Fprintln(a.err)
	if err != nil {
		return "", errors.Join(fmt.Errorf("read the secret: %w", err), term.Restore(fd, before))
	}
	return strings.TrimSpace(string(secret)), nil
}
