// Package testenv runs a whole server inside a test: real listener, real disk, on a port and a directory of its own.
//
//	env := testenv.Start(t)
//	client := &sls.Client{Endpoint: env.Endpoint(), HTTPClient: env.Client(), …}
//
// Clients reach it under names that no resolver knows (project.sls.test), through a transport that dials the server whatever
// the name, or through HTTP_PROXY=env.URL(), since the server answers proxy requests for its own names.
package testenv

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/node"
)

// Domain is the base domain of the servers of tests.
const Domain = "sls.test"

// Credentials of the root key of the servers of tests.
const (
	RootID     = "testroot"
	RootSecret = "testroot-secret-of-the-root-key"
)

// Env is a running server.
type Env struct {
	Node *node.Node
	Addr string // host:port it listens on

	Listeners *node.Listeners // those of Addr and, where configured, of TLS and for operators
	config    *config.Config
	logger    *slog.Logger // nil: nobody reads it
	client    *http.Client
	stop      context.CancelFunc
	done      chan error
}

// Start starts a server and stops it when the test ends. change may change its configuration before that.
func Start(t testing.TB, change ...func(*config.Config)) *Env {
	t.Helper()
	e, err := Open(t.TempDir(), change...)
	if err != nil {
		t.Fatalf("start the server: %v", err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Errorf("stop the server: %v", err)
		}
	})
	return e
}

// StartLogged is Start with a server whose log goes to w, everything that it has to say.
func StartLogged(t testing.TB, w io.Writer, change ...func(*config.Config)) *Env {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	e, err := open(t.TempDir(), logger, change)
	if err != nil {
		t.Fatalf("start the server: %v", err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Errorf("stop the server: %v", err)
		}
	})
	return e
}

// Open starts a server on a data directory; the caller stops it.
func Open(dir string, change ...func(*config.Config)) (*Env, error) { return open(dir, nil, change) }

func open(dir string, logger *slog.Logger, change []func(*config.Config)) (*Env, error) {
	e := &Env{config: config.Default(), logger: logger}
	e.config.DataDir, e.config.BaseDomain, e.config.Listen = dir, Domain, "127.0.0.1:0"
	e.config.Root = config.Root{AccessKeyID: RootID, AccessKeySecret: RootSecret}
	e.config.Storage.MinFreeBytes = 0 // a full disk of the machine is not what tests are about
	for _, f := range change {
		f(e.config)
	}
	return e, e.Restart()
}

// Restart stops the server, if it runs, and starts it on the same data. It gets another port.
func (e *Env) Restart() error {
	if err := e.Stop(); err != nil {
		return err
	}
	l, err := node.Listen(e.config)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	n, err := node.Open(ctx, e.config, node.Options{Logger: e.logger})
	if err != nil {
		stop()
		l.Close()
		return err
	}
	e.Node, e.Listeners, e.Addr, e.stop, e.done = n, l, l.Main.Addr().String(), stop, make(chan error, 1)
	e.client = &http.Client{Transport: e.Transport(), Timeout: 2 * time.Minute}
	go func() { e.done <- n.Run(ctx, l) }()
	return nil
}

// Configure changes the configuration, for the next start.
func (e *Env) Configure(change func(*config.Config)) { change(e.config) }

// Stop drains the server and closes it. It may be called again.
func (e *Env) Stop() error {
	if e.stop == nil {
		return nil
	}
	e.stop()
	e.stop = nil
	e.client.CloseIdleConnections()
	return errors.Join(<-e.done, e.Node.Close())
}

// DataDir is the directory of everything that the server keeps.
func (e *Env) DataDir() string { return e.config.DataDir }

// URL is the server's address as a proxy or a bare endpoint.
func (e *Env) URL() string { return "http://" + e.Addr }

// Endpoint is what SDKs are given: the base domain with the server's port.
func (e *Env) Endpoint() string {
	_, port, _ := net.SplitHostPort(e.Addr)
	return "http://" + net.JoinHostPort(Domain, port)
}

// Transport dials the server, whatever host it is asked for.
func (e *Env) Transport() *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, e.Addr)
		},
		MaxIdleConnsPerHost: 64,
		DisableCompression:  true, // or the transport would ask for gzip on its own
	}
}

// Client returns a client that reaches the server under any name.
func (e *Env) Client() *http.Client { return e.client }
