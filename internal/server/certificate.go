package server

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	certificateEvery = 10 * time.Second    // how often the files are looked at
	certificateSoon  = 14 * 24 * time.Hour // with less time left, the log warns, once a day
	certificateFile  = 1 << 20             // bytes of one file, at most
)

// CertificateFiles are the PEM files that make a server speak TLS.
type CertificateFiles struct {
	Certificate string // the certificate, and behind it those between it and the root
	Key         string // its private key
	Clients     string // authorities, one of which has to have signed a client's certificate; "" asks clients for none
}

// Certificate is a certificate in use. It follows its files: a new pair is used for all handshakes after it was found good; while the
// files hold something else, such as a certificate whose key has not been written yet, the old pair stays. It is safe for concurrent use.
type Certificate struct {
	files CertificateFiles
	now   func() time.Time
	log   *slog.Logger

	current  atomic.Pointer[loadedCertificate]
	reloads  atomic.Int64
	failures atomic.Int64

	mu     sync.Mutex        // guards the rest; held while files are read
	seen   [sha256.Size]byte // of what the files held when they were last tried
	warned time.Time         // when the log last spoke of the end of the certificate
}

type loadedCertificate struct {
	config *tls.Config
	leaf   *x509.Certificate
}

// OpenCertificate reads the files for the first time, which has to succeed. now is the clock that the log's warnings go by.
func OpenCertificate(files CertificateFiles, now func() time.Time, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{files: files, now: now, log: log}
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Run looks at the files every few seconds until ctx ends.
func (c *Certificate) Run(ctx context.Context) error {
	tick := time.NewTicker(certificateEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			_ = c.Reload() // it has been logged, and the old pair stays
		}
	}
}

// Reload looks at the files now. If they changed since they were last tried, it uses what they hold, or says in error, log and metric
// why it cannot; then the pair in use stays.
func (c *Certificate) Reload() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	raw, err := c.files.read()
	sum := raw.sum(err)
	if sum == c.seen {
		c.warn()
		return nil
	}
	c.seen = sum
	var next *loadedCertificate
	if err == nil {
		next, err = raw.load()
	}
	if err != nil {
		c.failures.Add(1)
		if c.current.Load() != nil {
			c.log.Error("the new TLS certificate cannot be used, the old one stays", "file", c.files.Certificate, "error", err)
		}
		return fmt.Errorf("TLS certificate %s: %w", c.files.Certificate, err)
	}
	if c.current.Swap(next) != nil {
		c.reloads.Add(1)
	}
	c.warned = time.Time{}
	c.log.Info("TLS certificate in use", "subject", next.leaf.Subject.String(), "names", next.leaf.DNSNames, "notAfter", next.leaf.NotAfter)
	c.warn()
	return nil
}

// warn tells the log, at most once a day, that the certificate in use ends soon. c.mu is held.
func (c *Certificate) warn() {
	in := c.current.Load()
	if in == nil {
		return
	}
	now := c.now()
	left := in.leaf.NotAfter.Sub(now)
	if left > certificateSoon || now.Sub(c.warned) < 24*time.Hour {
		return
	}
	c.warned = now
	if left <= 0 {
		c.log.Error("the TLS certificate has expired, clients refuse it", "notAfter", in.leaf.NotAfter)
		return
	}
	c.log.Warn("the TLS certificate ends soon: replace its files, no restart is needed", "notAfter", in.leaf.NotAfter)
}

// TLS is the configuration of a listener: TLS 1.2 at least, HTTP/1.1, and for each handshake the pair that is in use then.
func (c *Certificate) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return c.current.Load().config, nil
		},
	}
}

// Pair is the pair that is in use, for listeners with a configuration of their own.
func (c *Certificate) Pair(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return &c.current.Load().config.Certificates[0], nil
}

// Describe implements [prometheus.Collector].
func (c *Certificate) Describe(ch chan<- *prometheus.Desc) {
	ch <- certificateEnd
	ch <- certificateReloads
	ch <- certificateFailures
}

// Collect implements [prometheus.Collector].
func (c *Certificate) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(certificateEnd, prometheus.GaugeValue, float64(c.current.Load().leaf.NotAfter.Unix()))
	ch <- prometheus.MustNewConstMetric(certificateReloads, prometheus.CounterValue, float64(c.reloads.Load()))
	ch <- prometheus.MustNewConstMetric(certificateFailures, prometheus.CounterValue, float64(c.failures.Load()))
}

var (
	certificateEnd = prometheus.NewDesc("sluice_tls_not_after_seconds", "When the TLS certificate in use expires, in seconds since 1970.",
		nil, nil)
	certificateReloads  = prometheus.NewDesc("sluice_tls_reloads_total", "Times that a new TLS certificate was taken into use.", nil, nil)
	certificateFailures = prometheus.NewDesc("sluice_tls_reload_failures_total",
		"Times that the files of the TLS certificate changed to something that cannot be used.", nil, nil)
)

// certificateBytes are what the files hold.
type certificateBytes struct{ certificate, key, clients []byte }

func (f CertificateFiles) read() (raw certificateBytes, err error) {
	for _, file := range []struct {
		path string
		into *[]byte
	}{{f.Certificate, &raw.certificate}, {f.Key, &raw.key}, {f.Clients, &raw.clients}} {
		if file.path == "" {
			continue
		}
		if *file.into, err = readSmall(file.path); err != nil {
			return raw, err
		}
	}
	return raw, nil
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, certificateFile+1))
	if err == nil && len(raw) > certificateFile {
		err = fmt.Errorf("%s is larger than %d bytes, which no certificate is", path, certificateFile)
	}
	return raw, err
}

// sum tells one state of the files from another; what they could not be read for is a state, too.
func (b certificateBytes) sum(err error) [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintf(h, "%d %d %d %v\n", len(b.certificate), len(b.key), len(b.clients), err)
	for _, part := range [][]byte{b.certificate, b.key, b.clients} {
		_, _ = h.Write(part)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func (b certificateBytes) load() (*loadedCertificate, error) {
	pair, err := tls.X509KeyPair(b.certificate, b.key)
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, Certificates: []tls.Certificate{pair}}
	if len(b.clients) > 0 {
		conf.ClientCAs = x509.NewCertPool()
		if !conf.ClientCAs.AppendCertsFromPEM(b.clients) {
			return nil, errors.New("the file of clients' authorities holds no certificate")
		}
		conf.ClientAuth = tls.RequireAndVerifyClientCert
		conf.SessionTicketsDisabled = true // a client is looked at each time it connects, by the authorities of that time
	}
	return &loadedCertificate{config: conf, leaf: pair.Leaf}, nil
}
