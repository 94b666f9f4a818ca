package sls

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/logpb"
)

// PutLogs: POST /logstores/{logstore}/shards/lb
//
// Also: POST /logstores/{logstore}, as the Go SDK does, and POST /logstores/{logstore}/shards/route?key={hash}, which picks
// the shard that owns the hash.
// Body: LogGroup protobuf, or JSON where Content-Type says so; x-log-compresstype names the codec, x-log-bodyrawsize the
// size before it. With x-log-mode: batch_group, an SlsLogPackageList.
// Behavior: the whole group or nothing; 200 means that it is on disk. Each group gets one position.
// Differs: seqid (exactly-once writes) is refused with NotSupported; processor is ignored.
// Differs: in a batch_group, the packages before one that is refused are stored.
// Differs: write quotas are off unless configured.

var putLogsRoutes = []Route{
	{Method: "POST", Path: "/logstores/{logstore}", Action: "PutLogs", Permission: "log:PostLogStoreLogs", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).putLogs},
	{Method: "POST", Path: "/logstores/{logstore}/shards/lb", Action: "PutLogs", Permission: "log:PostLogStoreLogs", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).putLogs},
	{Method: "POST", Path: "/logstores/{logstore}/shards/route", Action: "PutLogs", Permission: "log:PostLogStoreLogs", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).putLogs},
}

// maxPackages bounds a batch: agents send a few dozen.
const maxPackages = 4096

func (a *API) putLogs(q *request) error {
	if q.query.Get("seqid") != "" {
		return sluice.Errorf(sluice.Unsupported, "parameter", "exactly-once writes (seqid) are not supported by this server")
	}
	key := q.query.Get("key")
	if key == "" && strings.HasSuffix(q.route.Path, "/route") {
		return sluice.Errorf(sluice.Invalid, "parameter", "a write to shards/route needs the parameter key")
	}
	codec, rawSize, err := q.compression(a.o.MaxBodyBytes)
	if err != nil {
		return err
	}
	buf, err := a.logBody(q, a.sentLimit(codec), rawSize)
	if err != nil {
		return err
	}
	defer buf.release()
	if codec == logpb.None {
		if rawSize, err = q.plainSize(len(buf.b)); err != nil {
			return err
		}
	}
	put := ingest.Put{Ref: q.logstore(), Codec: codec, RawSize: rawSize, Body: buf.b, HashKey: key, Client: q.client()}
	switch {
	case q.r.Header.Get("X-Log-Mode") == "batch_group":
		err = a.putBatch(q, put)
	case q.sendsJSON():
		err = a.putJSON(q, put, true)
	default:
		err = a.put(q, put)
	}
	if err != nil {
		return err
	}
	return q.ok()
}

// plainSize checks what a client says of the length of a body that is not compressed, if it says anything.
func (q *request) plainSize(length int) (int, error) {
	switch text := q.r.Header.Get("X-Log-Bodyrawsize"); text {
	case "", "0", strconv.Itoa(length):
		return length, nil
	default:
		return 0, sluice.Errorf(sluice.Invalid, "bodyrawsize", "x-log-bodyrawsize is %.32q for a body of %d bytes without compression", text, length)
	}
}

// put appends one group.
func (a *API) put(q *request, p ingest.Put) error {
	if _, _, err := a.Ingest.Put(q.ctx(), p); err != nil {
		return err
	}
	q.call.RawIn += int64(p.RawSize)
	q.call.GroupsIn++
	return nil
}

// putBatch appends the groups of an SlsLogPackageList. Each package is compressed, not the list.
func (a *API) putBatch(q *request, p ingest.Put) error {
	if p.Codec != logpb.None {
		return sluice.Errorf(sluice.Invalid, "compresstype", "a batch_group compresses its packages, not the whole body")
	}
	packages, err := logpb.DecodePackages(p.Body, maxPackages)
	if err != nil {
		return err
	}
	for _, pkg := range packages {
		p.Body, p.Codec, p.RawSize = pkg.Data, pkg.Codec, pkg.RawSize
		if p.Codec == logpb.None {
			p.RawSize = len(pkg.Data)
		}
		if err := a.put(q, p); err != nil {
			return err
		}
	}
	return nil
}

// putJSON appends the group that a JSON body describes. Without keepTime its logs are of now.
func (a *API) putJSON(q *request, p ingest.Put, keepTime bool) error {
	if p.Codec != logpb.None {
		raw := newBuffer()
		defer raw.release()
		var err error
		if raw.b, err = logpb.Decompress(raw.b, p.Codec, p.Body, p.RawSize); err != nil {
			return err
		}
		p.Body = raw.b
	}
	group := newBuffer()
	defer group.release()
	var err error
	if group.b, err = logpb.AppendJSON(group.b, p.Body, logpb.Limits{MaxRaw: a.o.MaxBodyBytes}, a.o.Now(), keepTime); err != nil {
		return err
	}
	p.Body, p.Codec, p.RawSize = group.b, logpb.None, len(group.b)
	return a.put(q, p)
}

// putGroup appends a group that was built here, to where p points.
func (a *API) putGroup(q *request, p ingest.Put, group *sluice.LogGroup) error {
	p.Body, p.Codec = logpb.Append(nil, group), logpb.None
	p.RawSize = len(p.Body)
	return a.put(q, p)
}

// client is the address that the request came from.
func (q *request) client() netip.Addr {
	addr, err := netip.ParseAddrPort(q.r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Addr().Unmap()
}
