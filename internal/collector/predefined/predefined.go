// Package predefined lists what collectors can read and where they can send it: the services and the types of outputs that come with the program.
package predefined

import (
	"context"
	"net"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/collector"
	"github.com/sluicelog/sluice/internal/collector/actiontrail"
	"github.com/sluicelog/sluice/internal/collector/logservice"
	"github.com/sluicelog/sluice/internal/collector/smq"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/filesink"
	"github.com/sluicelog/sluice/internal/delivery/sink/httpsink"
	"github.com/sluicelog/sluice/internal/delivery/sink/kafkasink"
	"github.com/sluicelog/sluice/internal/delivery/sink/osssink"
	"github.com/sluicelog/sluice/internal/delivery/sink/s3sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/splunksink"
	"github.com/sluicelog/sluice/internal/delivery/sink/syslogsink"
	"github.com/sluicelog/sluice/internal/vfs"
)

// Services are the kinds of services by name.
func Services() map[string]collector.Kind {
	return map[string]collector.Kind{
		"actiontrail":             actiontrail.Kind(),
		"actiontrail_log_service": logservice.Kind("cloud.alibaba.log_service.events", "event"),
		"access_log_service":      logservice.Kind("cloud.alibaba.log_service.access_log", ""),
		"db_log_service":          logservice.Kind("cloud.alibaba.log_service.db_log", ""),
		"internal_audit_service":  logservice.Kind("cloud.alibaba.log_service.audit_service_log", ""),
		"smq":                     smq.Kind(),
	}
}

// Place is where a collector runs.
type Place struct {
	Env       sink.Env                                    // [Env()]
	ConfigDir string                                      // what paths in the configuration are relative to
	FilesDir  string                                      // where outputs may write files; "" for nowhere
	Local     func(sluice.LogstoreRef) collector.Logstore // logstores of the server that runs it; nil where there is none
}

// Env is what sinks need of a process that is no server. Temporary files go to dir.
func Env(dir, version string) sink.Env {
	return sink.Env{Dial: dial, Project: "collector", Dir: dir, Now: time.Now, Version: version}
}

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return d.DialContext(ctx, network, address)
}

// Outputs are the kinds of outputs by type. Whoever writes the configuration of a collector runs it, so it may connect to any address.
func Outputs(p Place) map[string]collector.OutputKind {
	return map[string]collector.OutputKind{
		"devo_platform": collector.DevoKind(p.Env, p.ConfigDir),
		"file":          collector.SinkKind(filesink.Under(vfs.OS{}, p.FilesDir), p.Env),
		"http":          collector.SinkKind(httpsink.Open, p.Env),
		"kafka":         collector.SinkKind(kafkasink.Open, p.Env),
		"logstore":      collector.LogstoreKind(p.Local, p.Env.Now),
		"oss":           collector.SinkKind(osssink.Open, p.Env),
		"s3":            collector.SinkKind(s3sink.Open, p.Env),
		"s3compatible":  collector.SinkKind(s3sink.OpenCompatible, p.Env),
		"splunk":        collector.SinkKind(splunksink.Open, p.Env),
		"syslog":        collector.SinkKind(syslogsink.Open, p.Env),
	}
}
