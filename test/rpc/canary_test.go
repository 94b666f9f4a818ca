package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	esa "github.com/alibabacloud-go/esa-20240910/client"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/httpsink"
	"github.com/sluicelog/sluice/internal/delivery/sink/kafkasink"
	"github.com/sluicelog/sluice/internal/delivery/sink/osssink"
	"github.com/sluicelog/sluice/internal/delivery/sink/s3sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/slssink"
	"github.com/sluicelog/sluice/internal/delivery/sink/splunksink"
	"github.com/sluicelog/sluice/internal/delivery/sink/syslogsink"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/test/certs"
)

// canary is in every secret that is planted; the key of TLS has one of its own.
const canary = "canary7"

// echo is a destination that answers every request with an error, and repeats in it what it was sent, as debugging servers do.
func echo(t *testing.T) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dump, err := httputil.DumpRequest(r, false)
		if err != nil {
			return
		}
		said := strings.Join(canaries.FindAllString(string(dump), -1), " ") // first, since little of an answer is read
		said += " " + strings.NewReplacer("\r\n", " ", `"`, "'", "<", "", "&", "+").Replace(string(dump))
		switch {
		case strings.HasPrefix(r.URL.Path, "/refuse"):
			http.Error(w, said, http.StatusBadRequest)
		case strings.HasPrefix(r.URL.Path, "/halt"):
			http.Error(w, said, http.StatusForbidden)
		case strings.HasPrefix(r.URL.Path, "/services/collector"):
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `{"text":"%s","code":4}`, said)
		case strings.Contains(r.Header.Get("Authorization"), "LOG "), r.Header.Get("X-Log-Apiversion") != "":
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"errorCode":"Unauthorized","errorMessage":"%s"}`, said)
		default: // buckets
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>InvalidToken</Code><Message>%s</Message><RequestId>1</RequestId></Error>`, said)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

var canaries = regexp.MustCompile(`[A-Za-z-]+: [^\r\n]*canary7[^\r\n]*|[?&][a-z_]+=[^& ]*canary7[^& ]*`)

// echoingKafka takes no password, and says which.
func echoingKafka(t *testing.T) []string {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "logs"), kfake.EnableSASL(), kfake.Superuser("PLAIN", "admin", "another"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	fake.ControlKey(int16(kmsg.SASLAuthenticate), func(r kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		asked := r.(*kmsg.SASLAuthenticateRequest)
		answer := asked.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		answer.ErrorCode = kerr.SaslAuthenticationFailed.Code
		said := "you said " + string(bytes.ReplaceAll(asked.SASLAuthBytes, []byte{0}, []byte(" ")))
		answer.ErrorMessage = &said
		return answer, nil, true
	})
	return fake.ListenAddrs()
}

// destinations are tasks of every kind with every secret that there is, none of which will be delivered.
func destinations(t *testing.T, key certs.Pair, ca string) map[string]string {
	url := echo(t).URL
	host, port, err := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	brokers, err := json.Marshal(echoingKafka(t))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := json.Marshal(map[string]string{"ca": ca, "certificate": key.Certificate, "key": key.Key})
	if err != nil {
		t.Fatal(err)
	}
	tls := `"tls":` + string(pair)
	https := strings.Replace(url, "http://", "https://", 1)
	web := `"headers":{"Authorization":"Bearer canary7-header","X-Key":"canary7-key"},"query":{"token":"canary7 query/+"},` +
		`"urlSignature":{"privateKey":"canary7private"},"bodySignature":{"secret":"canary7-body-signature"},"maxAgeSeconds":1`
	s3 := `"region":"us-east-1","bucket":"logs","accessKeyId":"id","secretAccessKey":"canary7-s3-secret","sessionToken":"canary7-s3-token"`
	oss := `"region":"cn-hangzhou","bucket":"logs","accessKeyId":"id","accessKeySecret":"canary7-oss-secret","securityToken":"canary7-oss-token"`
	sls := `"project":"far-away","logstore":"logs","accessKeyId":"id","accessKeySecret":"canary7-sls-secret","securityToken":"canary7-sls-token"`
	kafka := `"type":"kafka","brokers":` + string(brokers) + `,"topic":"logs","timeoutSeconds":1,"sasl":{"mechanism":"PLAIN","user":"admin","password":"canary7-kafka"}`
	return map[string]string{
		"http-refused": `{"type":"http","url":"` + url + `/refuse",` + web + `}`,
		"http-halted":  `{"type":"http","url":"` + url + `/halt",` + web + `}`,
		"http-tls":     `{"type":"http","url":"` + https + `/refuse",` + tls + `,` + web + `}`,
		"splunk":       `{"type":"splunk","url":"` + url + `","token":"canary7-splunk"}`,
		"splunk-tls":   `{"type":"splunk","url":"` + https + `","token":"canary7-splunk",` + tls + `}`,
		"s3":           `{"type":"s3compatible","endpoint":"` + url + `",` + s3 + `}`,
		"s3-tls":       `{"type":"s3compatible","endpoint":"` + https + `",` + s3 + `,` + tls + `}`,
		"oss":          `{"type":"oss","endpoint":"` + url + `",` + oss + `}`,
		"oss-tls":      `{"type":"oss","endpoint":"` + https + `",` + oss + `,` + tls + `}`,
		"sls":          `{"type":"sls","endpoint":"` + url + `",` + sls + `}`,
		"sls-tls":      `{"type":"sls","endpoint":"` + https + `",` + sls + `,` + tls + `}`,
		"kafka":        `{` + kafka + `}`,
		"kafka-tls":    `{` + kafka + `,` + tls + `}`,
		"syslog-tls":   `{"type":"syslog","protocol":"tls","host":"` + host + `","port":` + port + `,` + tls + `,"timeoutSeconds":1}`,
	}
}

// configs are the configurations of each type that has secrets.
var configs = map[string]func() any{
	"http":         func() any { return new(httpsink.Config) },
	"splunk":       func() any { return new(splunksink.Config) },
	"s3compatible": func() any { return new(s3sink.Config) },
	"oss":          func() any { return new(osssink.Config) },
	"sls":          func() any { return new(slssink.Config) },
	"kafka":        func() any { return new(kafkasink.Config) },
	"syslog":       func() any { return new(syslogsink.Config) },
}

// secretsOf are the names of the secrets that a type can hold.
func secretsOf(t reflect.Type) (names []string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return secretsOf(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			of := f.Type
			for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Map {
				of = of.Elem()
			}
			if of == reflect.TypeFor[sink.Secret]() {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				names = append(names, name)
			} else if f.IsExported() {
				names = append(names, secretsOf(of)...)
			}
		}
	}
	return names
}

// TestCanaryIsEverywhere: a secret that a sink gets one day has to be planted here, too.
func TestCanaryIsEverywhere(t *testing.T) {
	ca := certs.New(t)
	planted := map[string][]string{}
	for name, document := range destinations(t, ca.Issue(t, "canary"), ca.PEM) {
		var fields map[string]json.RawMessage
		var kind string
		if err := json.Unmarshal([]byte(document), &fields); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := json.Unmarshal(fields["type"], &kind); err != nil {
			t.Fatal(err)
		}
		c := configs[kind]()
		if err := json.Unmarshal([]byte(document), c); err != nil {
			t.Fatal(err)
		}
		for path := range sink.SplitSecrets(c) {
			planted[kind] = append(planted[kind], strings.Split(path, ".")...)
		}
	}
	for kind, open := range configs {
		for _, name := range secretsOf(reflect.TypeOf(open())) {
			if !slices.Contains(planted[kind], name) {
				t.Errorf("no task plants the secret %s of %s", name, kind)
			}
		}
	}
}

// lockedBuffer is a log.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Secrets are planted in every place of every kind of destination, and the destinations repeat them in all their answers. They are in no answer of
// any API, no metric, no line of the log, no dead letter and no file.
func TestCanary(t *testing.T) {
	var log lockedBuffer
	env := testenv.StartLogged(t, &log, mayDialLoopback, func(c *config.Config) {
		c.Delivery.OSSAccessKeyID, c.Delivery.OSSAccessKeySecret = "role-id", "canary7-role"
	})
	ca := certs.New(t)
	key := ca.Issue(t, "canary")
	look := &lookout{t: t, forms: []string{canary, strings.Split(key.Key, "\n")[1]}}
	call := func(method, target, body string) string {
		t.Helper()
		a := env.Do(t, testenv.Call{Method: method, Project: "web", Target: target, Body: []byte(body)})
		look.at(method+" "+target, string(a.Body)+fmt.Sprint(a.Message))
		return string(a.Body)
	}
	env.OK(t, testenv.Call{Method: "POST", Target: "/", Body: []byte(`{"projectName":"web","description":""}`)})
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"access","ttl":1,"shardCount":1}`)})

	tasks := destinations(t, key, ca.PEM)
	for name, document := range tasks {
		body := `{"name":"` + name + `","source":{"logstore":"access"},"limits":{"age":"100ms"},"sink":` + document + `}`
		if a := env.Do(t, testenv.Call{Method: "POST", Project: "web", Target: "/sluice/v1/deliveries", Body: []byte(body)}); a.Status != 200 {
			t.Fatalf("%s: %d %s %s", name, a.Status, a.Code, a.Message)
		}
		if strings.HasPrefix(name, "s3") || strings.HasPrefix(name, "oss") {
			call("POST", "/sluice/v1/deliveries/"+name+"?action=challenge", "")
		}
		call("POST", "/sluice/v1/deliveries/"+name+"?action=verify", "")
		call("POST", "/sluice/v1/deliveries/"+name+"?action=start", "")
		call("PUT", "/sluice/v1/deliveries/"+name, strings.Replace(body, `"source"`, `"sauce":1,"source"`, 1))
	}
	call("POST", "/jobs", `{"name":"general","configuration":{"logstore":"access","sink":{"type":"General","fields":`+tasks["http-halted"]+`}}}`)
	call("POST", "/jobs", `{"name":"oss-job","configuration":{"logstore":"access","accessKeyId":"id","accessKeySecret":"canary7-job","sink":{"type":"AliyunOSS","bucket":"logs",`+
		`"bufferInterval":300,"bufferSize":5,"odpsAccessAecret":"canary7-odps"}}}`)
	call("POST", "/logstores/access/shipper", `{"shipperName":"s","targetType":"oss","targetConfiguration":{"ossBucket":"logs","accessKeySecret":"canary7-shipper"}}`)
	esaTasks(t, env, look)
	put(t, env, sluice.LogstoreRef{Project: "web", Logstore: "access"}, access("192.0.2.1", 200, "/"))

	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for waiting := true; waiting; { // until every destination has answered
		waiting = false
		for name := range tasks {
			s, err := env.Node.Delivery.Status(t.Context(), "web", name)
			if err != nil {
				t.Fatal(err)
			}
			waiting = waiting || s.Reason == "" && s.Counters.DeadLettered == 0 && s.State != delivery.Failing
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("some task shows no error:\n%s", call("GET", "/sluice/v1/deliveries", ""))
		}
	}
	shown := ""
	for name := range tasks {
		shown += call("GET", "/sluice/v1/deliveries/"+name, "")
	}
	for _, target := range []string{"/sluice/v1/deliveries", "/jobs", "/jobs/general", "/jobs/oss-job", "/ossexports", "/logstores/access/shipper/s", "/logstores/access/shipper/s/tasks"} {
		shown += call("GET", target, "")
	}
	metrics, err := http.Get(env.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer metrics.Body.Close()
	text, err := io.ReadAll(metrics.Body)
	if err != nil || !bytes.Contains(text, []byte("sluice_delivery_failing")) {
		t.Fatalf("metrics: %v, %.200s", err, text)
	}
	look.at("the metrics", string(text))
	look.at("the log", log.String())
	if !strings.Contains(log.String(), "delivery fails") || !strings.Contains(shown, "answered 403") || !strings.Contains(shown, sink.Mask) {
		t.Error("the test sees nothing: neither the log nor the API says what destinations answered")
	}
	if err := env.Stop(); err != nil {
		t.Fatal(err)
	}
	look.files(env.DataDir())
}

// esaTasks makes tasks through the API of ESA, and looks at what it tells of them.
func esaTasks(t *testing.T, env *testenv.Env, look *lookout) {
	c := client(t, env, nil)
	id := newSite(t, c)
	for name, change := range map[string]func(*esa.CreateSiteDeliveryTaskRequest){
		"http": func(r *esa.CreateSiteDeliveryTaskRequest) {
			r.HttpDelivery = &esa.CreateSiteDeliveryTaskRequestHttpDelivery{
				DestUrl: tea.String("http://127.0.0.1:1/in"), HeaderParam: map[string]*esa.HttpDeliveryHeaderParamValue{"X-Token": {StaticValue: tea.String("canary7-esa-header")}},
				StandardAuthOn: tea.Bool(true), StandardAuthParam: &esa.CreateSiteDeliveryTaskRequestHttpDeliveryStandardAuthParam{
					PrivateKey: tea.String("canary7private"), ExpiredTime: tea.Int32(300), UrlPath: tea.String("v1/log/upload"),
				},
			}
		},
		"aws3cmpt": func(r *esa.CreateSiteDeliveryTaskRequest) {
			r.S3Delivery = &esa.CreateSiteDeliveryTaskRequestS3Delivery{
				AccessKey: tea.String("id"), SecretKey: tea.String("canary7-esa-s3"), BucketPath: tea.String("logs/dir"), Endpoint: tea.String("http://127.0.0.1:1"),
				Region: tea.String("us-east-1"), S3Cmpt: tea.Bool(true),
			}
		},
		"kafka": func(r *esa.CreateSiteDeliveryTaskRequest) {
			r.KafkaDelivery = &esa.CreateSiteDeliveryTaskRequestKafkaDelivery{
				Brokers: []*string{tea.String("127.0.0.1:1")}, Topic: tea.String("logs"), UserAuth: tea.Bool(true), MachanismType: tea.String("plain"),
				UserName: tea.String("u"), Password: tea.String("canary7-esa-kafka"), Balancer: tea.String("kafka.RoundRobin"),
			}
		},
	} {
		r := &esa.CreateSiteDeliveryTaskRequest{
			SiteId: tea.Int64(id), TaskName: tea.String(name), BusinessType: tea.String("dcdn_log_access_l1"), DeliveryType: tea.String(name), FieldName: tea.String("ClientIP"),
		}
		change(r)
		made, err := c.CreateSiteDeliveryTask(r)
		look.at("CreateSiteDeliveryTask "+name, fmt.Sprint(made, err))
		got, err := c.GetSiteDeliveryTask(&esa.GetSiteDeliveryTaskRequest{SiteId: tea.Int64(id), TaskName: tea.String(name)})
		look.at("GetSiteDeliveryTask "+name, fmt.Sprint(got, err))
	}
	list, err := c.ListSiteDeliveryTasks(&esa.ListSiteDeliveryTasksRequest{SiteId: tea.Int64(id)})
	look.at("ListSiteDeliveryTasks", fmt.Sprint(list, err))
}

// lookout looks for secrets.
type lookout struct {
	t     *testing.T
	forms []string
}

func (l *lookout) at(what, text string) {
	l.t.Helper()
	for _, form := range l.forms {
		if i := strings.Index(text, form); i >= 0 {
			l.t.Errorf("a secret is in %s: …%s…", what, text[max(0, i-100):min(len(text), i+60)])
		}
	}
}

// files looks at every file below a directory: metadata, journal, dead letters, what batches spilled.
func (l *lookout) files(dir string) {
	if err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err == nil {
			l.at("file "+strings.TrimPrefix(path, dir), string(content))
		}
		return err
	}); err != nil {
		l.t.Error(err)
	}
}
