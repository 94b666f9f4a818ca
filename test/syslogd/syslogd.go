// Package syslogd starts real syslog receivers for tests, rsyslog and syslog-ng, on loopback. Each takes TCP (both framings) and TLS, for
// which callers need a certificate, takes messages apart and writes what it found to a file, one JSON object for each.
package syslogd

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/test/certs"
	"github.com/sluicelog/sluice/test/tools"
)

// Message is a message as the receiver understood it.
type Message struct{ Host, Program, Facility, Severity, Data, Text string }

// Daemon is a receiver that runs.
type Daemon struct {
	TCP, TLS string // addresses
	CA       *certs.Authority

	dir, out string
}

func newDaemon(t testing.TB) *Daemon {
	t.Helper()
	d := &Daemon{CA: certs.New(t), dir: t.TempDir()}
	addresses := tools.FreeAddresses(t, 2)
	d.TCP, d.TLS, d.out = addresses[0], addresses[1], filepath.Join(d.dir, "messages")
	pair := d.CA.Issue(t, "receiver")
	d.write(t, "ca.pem", d.CA.PEM)
	d.write(t, "cert.pem", pair.Certificate)
	d.write(t, "key.pem", pair.Key)
	return d
}

func (d *Daemon) write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// fill puts the addresses and the directory into a configuration.
func (d *Daemon) fill(text string) string {
	_, plain, _ := net.SplitHostPort(d.TCP)
	_, secure, _ := net.SplitHostPort(d.TLS)
	return strings.NewReplacer("DIR", d.dir, "PLAINPORT", plain, "TLSPORT", secure).Replace(text)
}

// Rsyslog starts rsyslog.
func Rsyslog(t testing.TB) *Daemon {
	t.Helper()
	d := newDaemon(t)
	root := tools.Dir(t, "rsyslog")
	config := d.write(t, "rsyslog.conf", d.fill(`
global(workDirectory="DIR" maxMessageSize="3m" parser.escapeControlCharactersOnReceive="off" net.enableDNS="off"
	defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="DIR/ca.pem" defaultNetstreamDriverCertFile="DIR/cert.pem"
	defaultNetstreamDriverKeyFile="DIR/key.pem")
module(load="imptcp" threads="1")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/certvalid" maxSessions="500")
template(name="found" type="list" option.jsonf="on") {
	property(outname="Host" name="hostname" format="jsonf")
	property(outname="Program" name="app-name" format="jsonf")
	property(outname="Facility" name="syslogfacility-text" format="jsonf")
	property(outname="Severity" name="syslogseverity-text" format="jsonf")
	property(outname="Data" name="structured-data" format="jsonf")
	property(outname="Text" name="msg" format="jsonf")
}
ruleset(name="all") { action(type="omfile" file="DIR/messages" template="found" ioBufferSize="1k" flushOnTXEnd="on") }
input(type="imptcp" address="127.0.0.1" port="PLAINPORT" ruleset="all" maxFrameSize="3000000")
input(type="imtcp" address="127.0.0.1" port="TLSPORT" ruleset="all")
`))
	lib := filepath.Join(root, "usr/lib/x86_64-linux-gnu")
	tools.Run(t, []string{d.TCP, d.TLS}, []string{"LD_LIBRARY_PATH=" + lib}, filepath.Join(root, "usr/sbin/rsyslogd"),
		"-n", "-iNONE", "-M", filepath.Join(lib, "rsyslog"), "-f", config)
	return d
}

// SyslogNG starts syslog-ng.
func SyslogNG(t testing.TB) *Daemon {
	t.Helper()
	d := newDaemon(t)
	root := tools.Dir(t, "syslog-ng-core")
	modules, err := filepath.Glob(filepath.Join(root, "usr/lib/syslog-ng/*.*/"))
	if err != nil || len(modules) == 0 {
		t.Fatalf("syslog-ng has no modules: %v", err)
	}
	modules = modules[:1]
	config := d.write(t, "syslog-ng.conf", d.fill(`@version: 3.38
options { log-msg-size(3145728); keep-hostname(yes); use-dns(no); stats-freq(0); };
source all {
	syslog(ip("127.0.0.1") port(PLAINPORT) transport("tcp") max-connections(500));
	syslog(ip("127.0.0.1") port(TLSPORT) transport("tls") max-connections(500)
		tls(key-file("DIR/key.pem") cert-file("DIR/cert.pem") ca-file("DIR/ca.pem") peer-verify(required-trusted)));
};
destination file { file("DIR/messages"
	template("$(format-json Host=$HOST Program=$PROGRAM Facility=$FACILITY Severity=$SEVERITY Data=$SDATA Text=$MESSAGE)\n") template-escape(no)); };
log { source(all); destination(file); };
`))
	lib := strings.Join([]string{
		filepath.Join(root, "usr/lib/x86_64-linux-gnu"), filepath.Join(root, "lib/x86_64-linux-gnu"), filepath.Join(root, "usr/lib/syslog-ng"), modules[0],
	}, ":")
	tools.Run(t, []string{d.TCP, d.TLS}, []string{"LD_LIBRARY_PATH=" + lib}, filepath.Join(root, "usr/sbin/syslog-ng"),
		"-F", "--no-caps", "-f", config, "--module-path", modules[0], "-R", filepath.Join(d.dir, "persist"), "-p", filepath.Join(d.dir, "pid"),
		"-c", filepath.Join(d.dir, "control"))
	return d
}

// Messages returns those behind the first skip, as soon as there are n of them; when ctx is done it returns what there is.
func (d *Daemon) Messages(ctx context.Context, skip, n int) ([]Message, error) {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		got, err := d.read()
		if err != nil {
			return nil, err
		}
		if got = got[min(skip, len(got)):]; len(got) >= n {
			return got, nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return got, nil
		}
	}
}

// read reads the file up to its last whole line.
func (d *Daemon) read() ([]Message, error) {
	text, err := os.ReadFile(d.out)
	if os.IsNotExist(err) {
		return nil, nil
	}
	var out []Message
	lines := strings.Split(string(text), "\n")
	for i, line := range lines[:len(lines)-1] {
		var m Message
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			return nil, fmt.Errorf("message %d: %w: %.200q", i, err, line)
		}
		out = append(out, m)
	}
	return out, err
}
