package pop

import (
	"encoding/json"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// destination is a destination structure of a request, in three forms.
type destination struct {
	section map[string]any // the sink section of the task
	shown   map[string]any // what is told of it, without secrets
	probe   bool           // ask it before the task goes online
}

// mask is what secrets are told as.
const mask = "********"

// destination reads the structure that goes with a DeliveryType, for a task of a project.
func (a *API) destination(q *request, project, kind string) (*destination, error) {
	switch kind {
	case "http":
		return q.httpDelivery()
	case "kafka":
		return q.kafkaDelivery()
	case "sls":
		return q.slsDelivery()
	case "oss":
		return a.ossDelivery(q, project)
	case "aws3", "aws3cmpt":
		return q.s3Delivery(kind)
	}
	return nil, invalid("DeliveryType", "%.32q is none of sls, http, aws3, oss, kafka, aws3cmpt", kind)
}

// structure reads a destination structure that has to be there.
func (q *request) structure(name string, v any) error {
	given, err := q.object(name, v)
	if err == nil && !given {
		err = missing(name)
	}
	return err
}

// compression is a Compress among those that a kind of destination has.
func compression(name, text string, known ...string) (string, error) {
	switch text = strings.ToLower(text); {
	case text == "" || text == "no":
		return "none", nil
	case slices.Contains(known, text):
		return text, nil
	}
	return "", invalid(name, "Compress %.32q is none of %s, no", text, strings.Join(known, ", "))
}

// params are extra headers or parameters: name to {"StaticValue": value}, or to the value.
type params map[string]string

func (p *params) UnmarshalJSON(b []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*p = params{}
	for name, value := range raw {
		var text string
		if json.Unmarshal(value, &text) != nil {
			var v struct{ StaticValue string }
			if err := json.Unmarshal(value, &v); err != nil {
				return err
			}
			text = v.StaticValue
		}
		(*p)[name] = text
	}
	return nil
}

// masked are the names with masks for values: a header may be a password.
func (p params) masked() map[string]any {
	out := map[string]any{}
	for name := range p {
		out[name] = map[string]string{"StaticValue": mask}
	}
	return out
}

// httpDelivery is HttpDelivery (reference delivery a.4, d).
type httpDelivery struct {
	DestURL                      string `json:"DestUrl"`
	Compress                     string
	HeaderParam, QueryParam      params
	LogBodyPrefix, LogBodySuffix string

	LogSplit         *looseBool
	LogSplitWords    string
	LastLogSplit     looseBool
	MaxBatchMB       looseInt
	MaxBatchSize     looseInt
	MaxRetry         looseInt
	TransformTimeout looseInt
	StandardAuthOn   looseBool

	StandardAuthParam struct {
		ExpiredTime looseInt
		PrivateKey  string
		URLPath     string `json:"UrlPath"`
	}
}

func (q *request) httpDelivery() (*destination, error) {
	const name = "HttpDelivery"
	var h httpDelivery
	if err := q.structure(name, &h); err != nil {
		return nil, err
	}
	compress, err := compression(name, h.Compress, "gzip", "zlib", "snappy")
	if err != nil {
		return nil, err
	}
	section := map[string]any{
		"type": "http", "url": h.DestURL, "compression": compress, "check": "connect",
		"headers": map[string]string(h.HeaderParam), "query": map[string]string(h.QueryParam),
	}
	if h.LogSplit != nil && !bool(*h.LogSplit) {
		section["oneByOne"] = true
	} else {
		section["bodyPrefix"], section["bodySuffix"] = h.LogBodyPrefix, h.LogBodySuffix
		section["lastSeparator"] = bool(h.LastLogSplit)
		if h.LogSplitWords != "" {
			section["separator"] = h.LogSplitWords
		}
	}
	if h.MaxBatchMB < 0 || h.MaxBatchMB > maxBatchMB {
		return nil, invalid(name, "MaxBatchMB %d is not from 0 to %d", h.MaxBatchMB, maxBatchMB)
	}
	setLimit(section, "maxBytes", int64(h.MaxBatchMB)<<20)
	setLimit(section, "maxLogs", int64(h.MaxBatchSize))
	setLimit(section, "timeoutSeconds", int64(h.TransformTimeout))
	shown := map[string]any{
		"DestUrl": h.DestURL, "Compress": h.Compress, "HeaderParam": h.HeaderParam.masked(), "QueryParam": h.QueryParam.masked(),
		"LogBodyPrefix": h.LogBodyPrefix, "LogBodySuffix": h.LogBodySuffix, "LogSplit": h.LogSplit == nil || bool(*h.LogSplit),
		"LogSplitWords": h.LogSplitWords, "LastLogSplit": bool(h.LastLogSplit), "MaxBatchMB": h.MaxBatchMB, "MaxBatchSize": h.MaxBatchSize,
		"MaxRetry": h.MaxRetry, "TransformTimeout": h.TransformTimeout, "StandardAuthOn": bool(h.StandardAuthOn),
	}
	if h.StandardAuthOn {
		p := h.StandardAuthParam
		section["urlSignature"] = map[string]any{"privateKey": p.PrivateKey, "validSeconds": int64(p.ExpiredTime), "path": p.URLPath}
		shown["StandardAuthParam"] = map[string]any{"ExpiredTime": p.ExpiredTime, "PrivateKey": mask, "UrlPath": p.URLPath}
	}
	return &destination{section: section, shown: shown}, nil
}

// maxBatchMB is the largest batch of the destination.
const maxBatchMB = 100

// setLimit sets a limit that is given.
func setLimit(section map[string]any, name string, value int64) {
	if value != 0 {
		section[name] = value
	}
}

func (q *request) kafkaDelivery() (*destination, error) {
	const name = "KafkaDelivery"
	var k struct {
		Brokers                   []string
		Topic, Balancer, Compress string
		UserAuth                  looseBool
		MachanismType             string // as clients spell it
		UserName, Password        string
	}
	if err := q.structure(name, &k); err != nil {
		return nil, err
	}
	compress, err := compression(name, k.Compress, "gzip", "snappy", "lz4", "zstd")
	if err != nil {
		return nil, err
	}
	section := map[string]any{"type": "kafka", "brokers": k.Brokers, "topic": k.Topic, "balancer": k.Balancer, "compression": compress}
	shown := map[string]any{
		"Brokers": k.Brokers, "Topic": k.Topic, "Balancer": k.Balancer, "Compress": k.Compress, "UserAuth": bool(k.UserAuth),
		"MachanismType": k.MachanismType, "UserName": k.UserName,
	}
	if k.UserAuth {
		if k.UserName == "" || k.Password == "" {
			return nil, invalid(name, "UserAuth needs UserName and Password")
		}
		section["sasl"] = map[string]any{"mechanism": k.MachanismType, "user": k.UserName, "password": k.Password}
		shown["Password"] = mask
	}
	return &destination{section: section, shown: shown}, nil
}

func (q *request) slsDelivery() (*destination, error) {
	var s struct{ SLSRegion, SLSProject, SLSLogStore string }
	if err := q.structure("SlsDelivery", &s); err != nil {
		return nil, err
	}
	if s.SLSProject == "" || s.SLSLogStore == "" {
		return nil, invalid("SlsDelivery", "SLSProject and SLSLogStore must not be empty")
	}
	return &destination{
		section: map[string]any{"type": "sls", "project": s.SLSProject, "logstore": s.SLSLogStore},
		shown:   map[string]any{"Project": s.SLSProject, "Logstore": s.SLSLogStore, "Region": s.SLSRegion},
	}, nil
}

func (a *API) ossDelivery(q *request, project string) (*destination, error) {
	var o struct{ Aliuid, BucketName, PrefixPath, Region string }
	if err := q.structure("OssDelivery", &o); err != nil {
		return nil, err
	}
	section := map[string]any{"type": "oss", "region": o.Region, "bucket": o.BucketName, "prefix": directory(o.PrefixPath)}
	if err := a.OSS.Fill(project, section); err != nil {
		return nil, err
	}
	return &destination{
		section: section,
		shown:   map[string]any{"Region": o.Region, "BucketPath": bucketPath(o.BucketName, o.PrefixPath), "Aliuid": o.Aliuid},
	}, nil
}

func (q *request) s3Delivery(kind string) (*destination, error) {
	const name = "S3Delivery"
	var s struct {
		AccessKey, SecretKey, BucketPath, Endpoint, PrefixPath, Region, VertifyType string // the last as clients spell it

		S3Cmpt, ServerSideEncryption looseBool
	}
	if err := q.structure(name, &s); err != nil {
		return nil, err
	}
	compatible := kind == "aws3cmpt" || bool(s.S3Cmpt)
	if compatible && s.Endpoint == "" {
		return nil, invalid(name, "Endpoint must not be empty for a service that is not AWS")
	}
	bucket, dir, _ := strings.Cut(strings.Trim(s.BucketPath, "/"), "/")
	prefix := directory(dir + "/" + s.PrefixPath)
	section := map[string]any{
		"type": "s3", "region": s.Region, "bucket": bucket, "prefix": prefix, "accessKeyId": s.AccessKey, "secretAccessKey": s.SecretKey,
		"serverSideEncryption": bool(s.ServerSideEncryption),
	}
	if s.Endpoint != "" {
		section["endpoint"], section["addressing"] = s.Endpoint, addressing(s.Endpoint)
	}
	return &destination{
		section: section, probe: true,
		shown: map[string]any{"Region": s.Region, "Endpoint": s.Endpoint, "BucketPath": bucketPath(bucket, prefix)},
	}, nil
}

// addressing is how the bucket of an endpoint is addressed: in front of the name, as clients of this API are told, where there is a name.
func addressing(endpoint string) string {
	if _, rest, ok := strings.Cut(endpoint, "://"); ok {
		endpoint = rest
	}
	host := endpoint
	if name, _, err := net.SplitHostPort(endpoint); err == nil {
		host = name
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil || !strings.Contains(host, ".") {
		return "path"
	}
	return "virtual"
}

// directory is a path without slashes around it.
func directory(path string) string { return strings.Trim(path, "/") }

func bucketPath(bucket, dir string) string {
	if dir = directory(dir); dir == "" {
		return bucket
	}
	return bucket + "/" + dir
}
