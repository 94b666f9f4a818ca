package slssink

import "github.com/sluicelog/sluice"

// LocalTargets returns the logstores of this server that logs may go to, for whoever asks whether a user may write to them; none if there
// is an endpoint.
func (c *Config) LocalTargets() []sluice.LogstoreRef {
	if c.Endpoint != "" {
		return nil
	}
	refs := []sluice.LogstoreRef{{Project: c.Project, Logstore: c.Logstore}}
	for _, logstore := range c.LogstoreByTopic {
		if logstore != "" {
			refs = append(refs, sluice.LogstoreRef{Project: c.Project, Logstore: logstore})
		}
	}
	return refs
}
