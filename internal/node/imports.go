package node

import (
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/trail/importer"
)

// openImports makes the service of imports from buckets, which dials by the rules of deliveries.
func (n *Node) openImports(c *config.Config, o Options, store meta.Store, ring *auth.Keyring) error {
	dialer, err := newDialer(c)
	if err != nil {
		return err
	}
	n.imports = importer.New(store, n.Catalog, n.Ingest.AnyTime(), ring, importer.Options{Dial: dialer.DialContext, Now: o.Now, Logger: o.Logger})
	return nil
}
