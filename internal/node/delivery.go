package node

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/delivery/egress"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/filesink"
	"github.com/sluicelog/sluice/internal/delivery/sink/httpsink"
	"github.com/sluicelog/sluice/internal/delivery/sink/kafkasink"
	"github.com/sluicelog/sluice/internal/delivery/sink/osssink"
	"github.com/sluicelog/sluice/internal/delivery/sink/s3sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/slssink"
	"github.com/sluicelog/sluice/internal/delivery/sink/splunksink"
	"github.com/sluicelog/sluice/internal/delivery/sink/syslogsink"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shipper"
	"github.com/sluicelog/sluice/internal/vfs"
)

// destinations are the kinds of places that tasks ship logs to. filesDir is where those that are files may be, "" for nowhere.
func destinations(filesDir string, keys *auth.Keys) map[string]delivery.Destination {
	return map[string]delivery.Destination{
		"file":         delivery.NewDestination(filesink.Under(vfs.OS{}, filesDir)),
		"http":         delivery.NewDestination(httpsink.Open),
		"kafka":        delivery.NewDestination(kafkasink.Open),
		"oss":          delivery.NewDestination(osssink.Open),
		"s3":           delivery.NewDestination(s3sink.Open),
		"s3compatible": delivery.NewDestination(s3sink.OpenCompatible),
		"sls":          delivery.NewDestination(openLocally(keys)),
		"splunk":       delivery.NewDestination(splunksink.Open),
		"syslog":       delivery.NewDestination(syslogsink.Open),
	}
}

// openLocally opens sinks to logstores, whose writes to this server keep to what accounts let each other do.
func openLocally(keys *auth.Keys) func(slssink.Config, sink.Env) (sink.Sink, error) {
	return func(c slssink.Config, env sink.Env) (sink.Sink, error) {
		env.Local = tenantDoor{env.Local, keys, env.Project}
		return slssink.Open(c, env)
	}
}

// tenantDoor is the write door for tasks of one project. A logstore that a task was allowed to write to when it was made may by now be
// somebody else's, of the same name.
type tenantDoor struct {
	sluice.Appender
	keys *auth.Keys
	from string
}

// Append implements [sluice.Appender].
func (d tenantDoor) Append(ctx context.Context, ref sluice.LogstoreRef, group *sluice.LogGroup) (sluice.ShardID, sluice.Position, error) {
	if err := d.keys.MayShip(ctx, d.from, ref); err != nil {
		return 0, 0, err
	}
	return d.Appender.Append(ctx, ref, group)
}

func openDelivery(c *config.Config, o Options, store meta.Store, cat *catalog.Catalog, door sluice.Appender, ring *auth.Keyring,
	keys *auth.Keys, history *shipper.History, disabled func(project, task, reason string),
) (*delivery.Engine, error) {
	dialer, err := newDialer(c)
	if err != nil {
		return nil, err
	}
	spool := filepath.Join(c.DataDir, "delivery.tmp")
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return nil, err
	}
	files := c.Delivery.FilesDir
	if files != "" {
		if files, err = filepath.Abs(files); err != nil {
			return nil, err
		}
	}
	return delivery.New(store, cat, door, ring, delivery.Options{
		Destinations: destinations(files, keys), ProveBuckets: c.Delivery.BucketOwnership == "token",
		Env:         sink.Env{Dial: dialer.DialContext, Local: door, Dir: spool, Version: "sluice"},
		MemoryBytes: int64(c.Delivery.MemoryBytes), CacheBytes: int64(c.Delivery.CacheBytes),
		Delivered: history.Delivered, Disabled: disabled, Now: o.Now, Logger: o.Logger,
	}), nil
}

// newDialer is what leaves the server by.
func newDialer(c *config.Config) (*egress.Dialer, error) {
	allow, err := config.ParseNetworks(c.Delivery.AllowNetworks)
	if err != nil {
		return nil, err
	}
	deny, err := config.ParseNetworks(c.Delivery.DenyNetworks)
	if err != nil {
		return nil, err
	}
	return egress.New(egress.Options{Allow: allow, Deny: deny, Listeners: listeners(c)}), nil
}

// ossRole are the operator's credentials of OSS, and for whom they are.
func ossRole(c *config.Config) (delivery.OSSRole, error) {
	list, err := config.ParseBuckets(c.Delivery.OSSBuckets)
	if err != nil {
		return delivery.OSSRole{}, err
	}
	var buckets []delivery.OSSBuckets
	for _, b := range list {
		buckets = append(buckets, delivery.OSSBuckets(b))
	}
	return delivery.OSSRole{
		Buckets:  buckets,
		Endpoint: c.Delivery.OSSEndpoint, Region: c.Delivery.OSSRegion, AccessKeyID: c.Delivery.OSSAccessKeyID.Reveal(), AccessKeySecret: c.Delivery.OSSAccessKeySecret.Reveal(),
	}, nil
}

// listeners are the addresses that the server was told to listen on, as far as they are an address and a port.
func listeners(c *config.Config) (list []netip.AddrPort) {
	for _, address := range []string{c.Listen, c.TLS.Listen, adminAddress(c)} {
		if at, err := netip.ParseAddrPort(address); err == nil && at.Port() != 0 {
			list = append(list, at)
		}
	}
	return list
}
