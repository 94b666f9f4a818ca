package catalog

import "github.com/sluicelog/sluice"

// Protect makes a project the server's own: from now on nothing in it is made, changed, split or removed, whoever asks, and whatever he may otherwise.
// It is called once, before anybody asks.
func (c *Catalog) Protect(project string) { c.protected = project }

// mayChange returns the error for whoever wants to change something in a protected project.
func (c *Catalog) mayChange(project string) error {
	if c.protected == "" || project != c.protected {
		return nil
	}
	return sluice.Errorf(sluice.Unauthorized, "action", "project %s is the server's own record of what was done: nobody changes it", project)
}
