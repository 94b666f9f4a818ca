package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/node"
	"github.com/sluicelog/sluice/internal/query/behind"
)

// serve runs a node until ctx ends.
func serve(ctx context.Context, c *config.Config, stdout, stderr io.Writer) (err error) {
	log := newLogger(c.Log, stderr)
	l, err := net.Listen("tcp", c.Listen) // before a root key is made, whose secret only greet tells
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.Listen, err)
	}
	defer l.Close()
	n, err := node.Open(ctx, c, node.Options{Logger: log, Processors: reserve()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	greet(stdout, c, l.Addr(), n.Root)
	log.Info("serving", "address", l.Addr().String(), "dataDir", c.DataDir, "release", release)
	err = n.Run(ctx, l)
	log.Info("stopped")
	return err
}

// reserve gives Go's scheduler places for threads that are behind, unless it is told how many to have, and returns the number of processors.
func reserve() int {
	processors := runtime.GOMAXPROCS(0)
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(behind.Places(processors))
	}
	return processors
}

func newLogger(c config.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // validated
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// greet tells whoever started the server how to reach it, and the root secret if it was just made. Its first line has the real address
// where the port was 0.
func greet(w io.Writer, c *config.Config, addr net.Addr, root node.Root) {
	host, port, _ := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	fmt.Fprintf(w, "sluiced %s is listening on http://%s\n\n", release, addr)
	fmt.Fprintf(w, "  endpoint           %s   for SDKs; project NAME is at NAME.%s\n", net.JoinHostPort(c.BaseDomain, port), c.BaseDomain)
	fmt.Fprintf(w, "  without names      http://%s   for the sluice command, or as HTTP proxy for SDKs\n", net.JoinHostPort(host, port))
	fmt.Fprintf(w, "  access key id      %s\n", root.ID)
	if root.Secret != "" && c.Root.AccessKeySecret == "" {
		fmt.Fprintf(w, "  access key secret  %s   shown this once: keep it\n", root.Secret)
	}
	fmt.Fprintln(w)
}
