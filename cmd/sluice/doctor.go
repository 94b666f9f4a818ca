package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/profile"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
	"github.com/sluicelog/sluice/internal/version"
)

// verdict is how a check of doctor went.
type verdict string

const (
	passed  verdict = "pass"
	warned  verdict = "warn" // this program works; others may not
	failed  verdict = "fail"
	skipped verdict = "skip" // it needs what failed before
)

// finding is what a check found, and what to do about it.
type finding struct {
	Check   string  `json:"check"`
	Verdict verdict `json:"verdict"`
	Found   string  `json:"found"`
	Fix     string  `json:"fix,omitempty"`
}

// doctor checks a setup from the configuration to a signed request: each step needs those before it.
type doctor struct {
	app      *app
	project  string // whose host name is looked up
	settings settings
	endpoint *url.URL
	host     string
	client   *client.Client
	findings []finding
}

func (a *app) doctorCommand() *cobra.Command {
	d := &doctor{app: a}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check your setup step by step, and say what to fix",
		Long: `Check the setup of this machine step by step: configuration, names, connection, TLS certificate, server, clock, signature, and what
programs with an SDK of the service need besides. Each step is a line with pass, warn or fail, and below it what to fix.

Nothing is changed. The exit code is 0 if nothing failed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.run(cmd.Context())
			if err := a.show(cmd, d.findings, d.print); err != nil {
				return err
			}
			for _, f := range d.findings {
				if f.Verdict == failed {
					return &silent{errors.New("a check failed")}
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&d.project, "project", "a-project", "`name` of the project whose host name SDKs will look up")
	return cmd
}

func (d *doctor) run(ctx context.Context) {
	for _, step := range []struct {
		name  string
		check func(context.Context) (verdict, string, string)
	}{
		{"configuration", d.configuration},
		{"profile file", d.profileFile},
		{"endpoint name", d.endpointName},
		{"connection", d.connection},
		{"TLS certificate", d.certificate},
		{"server", d.server},
		{"clock", d.clock},
		{"signature", d.signature},
		{"project names", d.projectName},
		{"proxy", d.proxy},
		{"version", d.version},
	} {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		v, found, fix := step.check(ctx)
		cancel()
		d.findings = append(d.findings, finding{step.name, v, tty.VisibleLines(found), tty.VisibleLines(fix)})
	}
}

// print shows the findings, each with its fix below it.
func (d *doctor) print() error {
	out := d.app.out
	var text strings.Builder
	for _, f := range d.findings {
		mark := map[verdict]string{
			passed: out.Green("pass"), warned: out.Yellow("warn"), failed: out.Red("fail"), skipped: out.Dim("skip"),
		}[f.Verdict]
		fmt.Fprintf(&text, "%s  %-16s %s\n", mark, f.Check, f.Found)
		for line := range strings.Lines(f.Fix) {
			fmt.Fprintf(&text, "%23s%s %s\n", "", out.Bold("fix:"), strings.TrimRight(line, "\n"))
		}
	}
	_, err := fmt.Fprint(out, text.String())
	return err
}

// failedBefore reports whether a check failed or could not be made.
func (d *doctor) failedBefore(names ...string) bool {
	for _, f := range d.findings {
		for _, name := range names {
			if f.Check == name && (f.Verdict == failed || f.Verdict == skipped) {
				return true
			}
		}
	}
	return false
}

const later = "needs what failed above"

func (d *doctor) configuration(context.Context) (verdict, string, string) {
	s, err := d.app.settings()
	d.settings = s
	if err != nil {
		what, next := explain(err)
		if missing := s.unset(); len(missing) > 0 {
			what = "missing: " + strings.Join(missing, ", ")
		}
		return failed, what, next
	}
	switch s.sign {
	case "", "v1", "v4":
	default:
		return failed, fmt.Sprintf("signature version %q is not v1 or v4", s.sign), "Set another: --sign v1, or sluice profile set NAME --sign v1"
	}
	if d.client, err = s.client(); err != nil {
		return failed, err.Error(), "Endpoints look like http://host:port"
	}
	if d.endpoint, err = url.Parse(d.client.Endpoint()); err != nil {
		return failed, err.Error(), "Endpoints look like http://host:port"
	}
	d.host = d.endpoint.Hostname()
	from := "flags and environment"
	if s.profile != "" {
		from = "profile " + s.profile
	}
	return passed, fmt.Sprintf("%s, access key %s, from %s", d.client.Endpoint(), s.accessKeyID, from), ""
}

func (d *doctor) profileFile(context.Context) (verdict, string, string) {
	path, file, err := d.app.profiles()
	switch {
	case err != nil:
		return failed, err.Error(), "Repair the file, or delete it and set profiles anew: sluice profile set NAME"
	case profile.Exposed(path):
		return warned, path + " can be read by other users", "chmod 600 " + path
	case len(file.Names()) == 0:
		return passed, "there are no profiles", ""
	}
	return passed, fmt.Sprintf("%s in %s, only yours to read", plural(len(file.Names()), "profile"), path), ""
}

func (d *doctor) endpointName(ctx context.Context) (verdict, string, string) {
	if d.client == nil {
		return skipped, later, ""
	}
	addresses, err := net.DefaultResolver.LookupHost(ctx, d.host)
	if err != nil {
		return failed, fmt.Sprintf("%s does not resolve: %v", d.host, err), resolveIt(d.host)
	}
	return passed, d.host + " is " + strings.Join(addresses, ", "), ""
}

func (d *doctor) address() string {
	if d.endpoint.Port() != "" {
		return d.endpoint.Host
	}
	return net.JoinHostPort(d.host, map[string]string{"http": "80", "https": "443"}[d.endpoint.Scheme])
}

func (d *doctor) connection(ctx context.Context) (verdict, string, string) {
	if d.failedBefore("configuration", "endpoint name") {
		return skipped, later, ""
	}
	begun := time.Now()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", d.address())
	if err != nil {
		return failed, err.Error(), "Is the server running, and does it listen on this address? A firewall between may drop packets. On the server: curl http://127.0.0.1:PORT/readyz"
	}
	defer conn.Close()
	return passed, fmt.Sprintf("%s answers in %s", d.address(), time.Since(begun).Round(100*time.Microsecond)), ""
}

// soon is when a certificate is worth a warning.
const soon = 14 * 24 * time.Hour

func (d *doctor) certificate(ctx context.Context) (verdict, string, string) {
	switch {
	case d.failedBefore("configuration", "endpoint name", "connection"):
		return skipped, later, ""
	case d.endpoint.Scheme == "http" && !loopback(d.host):
		return warned, "the endpoint is http: requests are signed but can be read on the way", "Set server.tls on the server, and use https:// in the endpoint"
	case d.endpoint.Scheme == "http":
		return passed, "not needed on this machine", ""
	}
	conn, err := (&tls.Dialer{Config: &tls.Config{ServerName: d.host}}).DialContext(ctx, "tcp", d.address())
	if err != nil {
		return failed, err.Error(), certificateFix(err)
	}
	defer conn.Close()
	leaf := conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
	left := leaf.NotAfter.Sub(d.app.now())
	if left < soon {
		return warned, fmt.Sprintf("it expires on %s", showTime(leaf.NotAfter)), "Renew it; the server takes a new file without a restart"
	}
	if net.ParseIP(d.host) == nil && leaf.VerifyHostname(d.project+"."+d.host) != nil {
		return warned, fmt.Sprintf("it is for %s, and not for %s.%s, which SDKs ask for", strings.Join(leaf.DNSNames, ", "), d.project, d.host),
			"Get one that is for *." + d.host + " too"
	}
	return passed, fmt.Sprintf("valid until %s, for %s", showTime(leaf.NotAfter), strings.Join(leaf.DNSNames, ", ")), ""
}

func certificateFix(err error) string {
	var record tls.RecordHeaderError
	var verification *tls.CertificateVerificationError
	switch {
	case errors.As(err, &record):
		return "The server does not speak TLS: use http:// in the endpoint"
	case errors.As(err, &verification):
		return trustIt
	}
	return "Check that the port is the server's own"
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (d *doctor) server(ctx context.Context) (verdict, string, string) {
	if d.failedBefore("configuration", "endpoint name", "connection", "TLS certificate") {
		return skipped, later, ""
	}
	health, err := d.client.Health(ctx)
	switch {
	case err != nil:
		what, next := explain(err)
		return failed, what, next
	case !health.Alive && wantsTLS(health.Detail):
		return failed, "the server speaks TLS", "Use https:// in the endpoint"
	case !health.Alive:
		return failed, "what answers is not a Sluice server: " + health.Detail, "Check the host and the port of the endpoint, and proxies between"
	case !health.Ready:
		return failed, "it is up and not ready: " + health.Detail, "Wait until it has recovered; its log says more"
	}
	return passed, "up and ready", ""
}

func (d *doctor) clock(ctx context.Context) (verdict, string, string) {
	if d.failedBefore("configuration", "endpoint name", "connection", "TLS certificate") {
		return skipped, later, ""
	}
	health, err := d.client.Health(ctx)
	if err != nil {
		return skipped, later, ""
	}
	const accepted, worrying = 15 * time.Minute, time.Minute
	skew, where := health.Skew.Abs(), "behind"
	if health.Skew < 0 {
		where = "ahead of"
	}
	found := fmt.Sprintf("this machine is %s %s the server", skew, where)
	switch {
	case skew > accepted:
		return failed, found, "Set the clock; requests that are signed 15 minutes off are refused. timedatectl set-ntp true"
	case skew > worrying:
		return warned, found, "Set the clock before it is 15 minutes off, and logs get wrong times. timedatectl set-ntp true"
	case skew < 2*time.Second:
		return passed, "as the server's", ""
	}
	return passed, found, ""
}

func (d *doctor) signature(ctx context.Context) (verdict, string, string) {
	if d.failedBefore("configuration", "endpoint name", "connection", "TLS certificate", "server") {
		return skipped, later, ""
	}
	version := "v1"
	if d.settings.sign == "v4" {
		version = "v4"
	}
	projects, err := d.client.Projects(ctx)
	switch {
	case denied(err):
		return passed, fmt.Sprintf("%s is accepted; the key may not list projects", version), ""
	case err != nil:
		what, next := explain(err)
		return failed, what, next
	}
	return passed, fmt.Sprintf("%s is accepted; the key sees %s", version, plural(len(projects), "project")), ""
}

// projectName checks what this program does not need, and SDKs do: that the name of a project in front of the endpoint leads there.
func (d *doctor) projectName(ctx context.Context) (verdict, string, string) {
	if d.client == nil {
		return skipped, later, ""
	}
	if ip := net.ParseIP(d.host); ip != nil {
		return warned, fmt.Sprintf("no project can stand in front of the address %s; this program needs none, SDKs do", d.host),
			"Give SDKs a name for the endpoint, or HTTP_PROXY=" + d.client.Endpoint() + ", which reaches every name that the server calls its own"
	}
	name := d.project + "." + d.host
	project, err := net.DefaultResolver.LookupHost(ctx, name)
	if err != nil {
		return warned, fmt.Sprintf("%s does not resolve; this program does not need it, SDKs do", name),
			fmt.Sprintf("Add *.%s to DNS, or each project to /etc/hosts; or give SDKs HTTP_PROXY=%s", d.host, d.client.Endpoint())
	}
	own, err := net.DefaultResolver.LookupHost(ctx, d.host)
	if err == nil && !overlap(own, project) {
		return warned, fmt.Sprintf("%s is %s, which is not the endpoint", name, strings.Join(project, ", ")), "Let both names lead to the server, or to the same load balancer"
	}
	return passed, name + " is " + strings.Join(project, ", "), ""
}

func overlap(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}

func (d *doctor) proxy(context.Context) (verdict, string, string) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		value := d.app.getenv(name)
		if value == "" || d.endpoint == nil {
			continue
		}
		if u, err := url.Parse(value); err == nil && u.Host == d.endpoint.Host {
			return passed, name + " is the server itself", ""
		}
		return warned, fmt.Sprintf("%s is set: requests may go through a proxy that changes them, and signatures break", name),
			"If requests fail with SignatureNotMatch: NO_PROXY=" + d.host
	}
	return passed, "none is set", ""
}

func (d *doctor) version(context.Context) (verdict, string, string) {
	return passed, "sluice " + version.Current().Version, ""
}
