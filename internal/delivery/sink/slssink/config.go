package slssink

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
)

// Config is where and how to deliver.
type Config struct {
	// Endpoint of a log service, as https://cn-hangzhou.log.aliyuncs.com; without it logs go to this server [this server].
	Endpoint        string          `json:"endpoint,omitempty"`
	TLS             *tlsconf.Config `json:"tls,omitempty"`
	AccessKeyID     string          `json:"accessKeyId,omitempty"` // with an endpoint
	AccessKeySecret sink.Secret     `json:"accessKeySecret,omitzero"`
	SecurityToken   sink.Secret     `json:"securityToken,omitzero"` // of temporary credentials
	SignV4          bool            `json:"signV4,omitempty"`       // signs with version 4 and Region instead of version 1
	Region          string          `json:"region,omitempty"`

	Project  string `json:"project"`
	Logstore string `json:"logstore"`
	// LogstoreByTopic sends logs of these topics to other logstores of the project, at most 100. "" in the place of a logstore sends logs of
	// the topic nowhere: they count as delivered.
	LogstoreByTopic map[string]string `json:"logstoreByTopic,omitempty"`

	Topic    *string `json:"topic,omitempty"`    // instead of the log's
	Source   *string `json:"source,omitempty"`   // instead of the log's
	DropTags bool    `json:"dropTags,omitempty"` // leaves the tags of the log's group behind
	BatchTag string  `json:"batchTag,omitempty"` // the tag with the batch's id [__sluice_batch__]
	// KeepOrder sends the logs of each shard to one shard of the destination, chosen by a hash of project, task and shard. Without it the
	// destination spreads log groups over its shards.
	KeepOrder bool `json:"keepOrder,omitempty"`

	TimeoutSeconds int `json:"timeoutSeconds,omitempty"` // of one write, 1 to 600 [30]
}

func (c *Config) setDefaults() {
	if c.BatchTag == "" {
		c.BatchTag = "__sluice_batch__"
	}
	if c.TimeoutSeconds == 0 {
		c.TimeoutSeconds = 30
	}
}

// Names of projects and logstores, as the service we follow allows them or a little more.
var (
	projectName  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,126}[a-z0-9]$`)
	logstoreName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]{1,126}[a-zA-Z0-9]$`)
)

// Validate checks c; its error is Invalid "sink" and names the field.
func (c Config) Validate() error {
	c.setDefaults()
	if err := c.validateEndpoint(); err != nil {
		return err
	}
	switch {
	case !projectName.MatchString(c.Project):
		return invalid("project: %.140q is not the name of a project", c.Project)
	case !logstoreName.MatchString(c.Logstore):
		return invalid("logstore: %.140q is not the name of a logstore", c.Logstore)
	case len(c.LogstoreByTopic) > 100:
		return invalid("logstoreByTopic: %d topics are more than 100", len(c.LogstoreByTopic))
	case len(c.BatchTag) > 128:
		return invalid("batchTag: it is longer than 128 bytes")
	case c.TimeoutSeconds < 1 || c.TimeoutSeconds > 600:
		return invalid("timeoutSeconds: %d is not between 1 and 600", c.TimeoutSeconds)
	}
	for topic, logstore := range c.LogstoreByTopic {
		if logstore != "" && !logstoreName.MatchString(logstore) {
			return invalid("logstoreByTopic.%.60s: %.140q is not the name of a logstore", topic, logstore)
		}
	}
	return nil
}

func (c *Config) validateEndpoint() error {
	if c.Endpoint == "" {
		if c.AccessKeyID != "" || !c.AccessKeySecret.IsZero() || !c.SecurityToken.IsZero() || c.TLS != nil || c.SignV4 {
			return invalid("endpoint is empty: credentials, tls and signV4 are for other servers")
		}
		return nil
	}
	u, err := url.Parse(c.Endpoint)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return invalid("endpoint: it is not of the form https://host or https://host:port")
	case c.AccessKeyID == "":
		return invalid("accessKeyId is empty")
	case c.AccessKeySecret.IsZero():
		return invalid("accessKeySecret is empty")
	case c.SignV4 && c.Region == "":
		return invalid("region is empty, and signV4 signs with it")
	case c.TLS != nil && u.Scheme != "https":
		return invalid("tls is for https, and endpoint is http")
	}
	return c.TLS.Validate("tls")
}

func invalid(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "sink", "%s", fmt.Sprintf(format, args...))
}
