// Package client is a small Go client of Sluice, for programs that want the log service without the weight of a vendor SDK.
//
//	c, err := client.New(client.Options{Endpoint: "http://127.0.0.1:8080", AccessKeyID: id, Secret: secret})
//	err = c.PutLogs(ctx, sluice.LogstoreRef{Project: "web", Logstore: "access"}, group, client.PutOptions{})
//
// It speaks the REST dialect of Simple Log Service (reference sls-api), and differs from the SDKs in one thing that matters
// to people who run their own server: it dials the endpoint as it stands and names the project in the request, in the Host
// header and in x-log-project. So an address and a port are enough; no name of a project has to resolve.
//
// Every method may be called from many goroutines. Answers other than 200 are *[Error]. Requests that met a passing trouble
// (500, 502, 503, or a quota) are sent again, see [Options.Attempts].
package client

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Options say where the server is and who is asking.
type Options struct {
	// Endpoint is http://host[:port] or https://host[:port]; a missing scheme means http.
	Endpoint string

	AccessKeyID   string
	Secret        string
	SecurityToken string // of temporary credentials, else ""

	// SignV4 signs with SLS4-HMAC-SHA256 and Region instead of version 1 of the signature.
	SignV4 bool
	Region string // ["local"]

	// Attempts is how often a request is sent at most, the first time included [8]. Between attempts the client waits a
	// random part of a delay that doubles from 100 ms to 5 s. A write that the server answered with an error may have been
	// stored all the same: writes are delivered at least once.
	Attempts int

	HTTPClient *http.Client // [one with its own connections and no overall timeout; contexts bound requests]
	UserAgent  string       // ["sluice-go"]

	Now func() time.Time // [time.Now] dates requests; servers refuse those whose date is off by minutes
}

// Client is a client of one server, with one set of credentials.
type Client struct {
	options  Options
	endpoint *url.URL // scheme and host only
	http     *http.Client
	now      func() time.Time
}

// New checks o and returns a client. It sends nothing.
func New(o Options) (*Client, error) {
	endpoint, err := parseEndpoint(o.Endpoint)
	if err != nil {
		return nil, err
	}
	if o.AccessKeyID == "" || o.Secret == "" {
		return nil, fmt.Errorf("client: an access key id and its secret are needed")
	}
	if o.Region == "" {
		o.Region = "local"
	}
	if o.Attempts <= 0 {
		o.Attempts = 8
	}
	if o.UserAgent == "" {
		o.UserAgent = "sluice-go"
	}
	c := &Client{options: o, endpoint: endpoint, http: o.HTTPClient, now: o.Now}
	if c.now == nil {
		c.now = time.Now
	}
	if c.http == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.DisableCompression = true // bodies carry their own compression
		c.http = &http.Client{Transport: transport}
	}
	return c, nil
}

// Endpoint returns the address of the server, without a trailing slash.
func (c *Client) Endpoint() string { return c.endpoint.String() }

// AccessKeyID returns the id of the key that signs.
func (c *Client) AccessKeyID() string { return c.options.AccessKeyID }

func parseEndpoint(s string) (*url.URL, error) {
	if s == "" {
		return nil, fmt.Errorf("client: the endpoint is empty; it looks like http://host:port")
	}
	full := s
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil {
		return nil, fmt.Errorf("client: endpoint %q is not an address: %w", s, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("client: endpoint %q has scheme %q, not http or https", s, u.Scheme)
	}
	if u.Host == "" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("client: endpoint %q is not of the form http://host:port", s)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// host is the Host header for a request to project: project.endpoint-host. An IPv6 address has no such form; there the
// x-log-project header alone names the project.
func (c *Client) host(project string) string {
	name := c.endpoint.Hostname()
	if ip, err := netip.ParseAddr(name); project == "" || (err == nil && ip.Is6()) {
		return c.endpoint.Host
	}
	if port := c.endpoint.Port(); port != "" {
		return net.JoinHostPort(project+"."+name, port)
	}
	return project + "." + name
}
