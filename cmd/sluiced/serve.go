package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/node"
	"github.com/sluicelog/sluice/internal/query/behind"
	"github.com/sluicelog/sluice/internal/version"
)

// serve runs a node until ctx ends.
func serve(ctx context.Context, c *config.Config, stdout, stderr io.Writer) (err error) {
	log := newLogger(c.Log, stderr)
	l, err := node.Listen(c)
	if err != nil {
		return err
	}
	defer l.Close()
	n, err := node.Open(ctx, c, node.Options{Logger: log, Release: version.Current().Version, Processors: reserve()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	greet(stdout, c, l, n.Root)
	log.Info("serving", "address", l.Main.Addr().String(), "dataDir", c.DataDir, "release", version.Current().Version)
	defer onHangup(n.Reload)()
	err = n.Run(ctx, l)
	log.Info("stopped")
	return err
}

// onHangup calls f for every SIGHUP until stop is called.
func onHangup(f func()) (stop func()) {
	hangups, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		defer close(done)
		for range hangups {
			f()
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(hangups)
		<-done
	}
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
func greet(w io.Writer, c *config.Config, l *node.Listeners, root node.Root) {
	scheme := "http"
	if c.TLS.Cert != "" && l.TLS == nil {
		scheme = "https"
	}
	addr := l.Main.Addr()
	_, port, _ := net.SplitHostPort(addr.String())
	fmt.Fprintf(w, "sluiced %s is listening on %s://%s\n\n", version.Current().Version, scheme, addr)
	fmt.Fprintf(w, "  endpoint           %s   for SDKs; project NAME is at NAME.%s\n", net.JoinHostPort(c.BaseDomain, port), c.BaseDomain)
	if scheme == "http" {
		fmt.Fprintf(w, "  without names      http://%s   for the sluice command, or as HTTP proxy for SDKs\n", reachable(addr))
	}
	if l.TLS != nil {
		fmt.Fprintf(w, "  with TLS           https://%s\n", reachable(l.TLS.Addr()))
	}
	if l.Admin != nil {
		fmt.Fprintf(w, "  for operators      http://%s\n", reachable(l.Admin.Addr()))
	}
	fmt.Fprintf(w, "  access key id      %s\n", root.ID)
	if root.Secret != "" && c.Root.AccessKeySecret == "" {
		fmt.Fprintf(w, "  access key secret  %s   shown this once: keep it\n", root.Secret)
	}
	fmt.Fprintln(w)
}

// reachable is an address to connect to on this machine.
func reachable(addr net.Addr) string {
	host, port, _ := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
