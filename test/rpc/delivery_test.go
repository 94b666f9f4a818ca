package rpc

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	esa "github.com/alibabacloud-go/esa-20240910/client"
	"github.com/alibabacloud-go/tea/tea"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
)

// receiver is an HTTP destination that keeps the lines it is sent.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	lines   []string
	arrived chan struct{}
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{arrived: make(chan struct{}, 1)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil || req.Header.Get("X-Token") != "hunter2" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		r.mu.Lock()
		r.lines = append(r.lines, strings.Split(strings.TrimSpace(string(body)), "\n")...)
		r.mu.Unlock()
		select {
		case r.arrived <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// wait waits until n lines are there.
func (r *receiver) wait(t *testing.T, n int) []string {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for {
		r.mu.Lock()
		lines := append([]string(nil), r.lines...)
		r.mu.Unlock()
		if len(lines) >= n {
			return lines
		}
		select {
		case <-r.arrived:
		case <-deadline:
			t.Fatalf("%d of %d lines arrived: %q", len(lines), n, lines)
		}
	}
}

func mayDialLoopback(c *config.Config) { c.Delivery.AllowNetworks = "127.0.0.0/8" }

func newSite(t *testing.T, c *esa.Client) int64 {
	t.Helper()
	made, err := c.CreateSite(&esa.CreateSiteRequest{
		SiteName: tea.String("example.com"), AccessType: tea.String("NS"), Coverage: tea.String("domestic"), InstanceId: tea.String("i-1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return *made.Body.SiteId
}

func put(t *testing.T, env *testenv.Env, ref sluice.LogstoreRef, logs ...[]sluice.Field) {
	t.Helper()
	g := &sluice.LogGroup{}
	for _, fields := range logs {
		g.Records = append(g.Records, sluice.Record{Time: uint32(time.Now().Unix()), Fields: fields})
	}
	if _, _, err := env.Node.Ingest.Append(t.Context(), ref, g); err != nil {
		t.Fatal(err)
	}
}

func access(ip string, status int, uri string) []sluice.Field {
	return []sluice.Field{
		{Key: "ClientIP", Value: ip},
		{Key: "EdgeResponseStatusCode", Value: strconv.Itoa(status)},
		{Key: "ClientRequestURI", Value: uri},
		{Key: "Secret", Value: "not chosen"},
	}
}

// The life of a site's task, over HTTP, with both signatures.
func TestSiteDeliveryTask(t *testing.T) {
	for name, algorithm := range signatures {
		t.Run(name, func(t *testing.T) {
			env := testenv.Start(t, mayDialLoopback)
			c := client(t, env, algorithm)
			to := newReceiver(t)
			id := newSite(t, c)
			ref := sluice.LogstoreRef{Project: "esa-" + strconv.FormatInt(id, 10), Logstore: "access"}
			put(t, env, ref, access("192.0.2.9", 200, "/before"))

			const fields = "ClientIP,EdgeResponseStatusCode,ClientRequestURI,NoSuchField"
			created, err := c.CreateSiteDeliveryTask(&esa.CreateSiteDeliveryTaskRequest{
				SiteId: tea.Int64(id), TaskName: tea.String("t1"), BusinessType: tea.String("dcdn_log_access_l1"), DataCenter: tea.String("oversea"),
				DeliveryType: tea.String("http"), FieldName: tea.String(fields), DiscardRate: tea.Float32(0),
				HttpDelivery: &esa.CreateSiteDeliveryTaskRequestHttpDelivery{
					DestUrl: tea.String(to.URL + "/in"), MaxBatchSize: tea.Int64(1), // or each batch waits 5 s for more
					HeaderParam: map[string]*esa.HttpDeliveryHeaderParamValue{"X-Token": {StaticValue: tea.String("hunter2")}},
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if *created.Body.SiteId != strconv.FormatInt(id, 10) || *created.Body.TaskName != "t1" || *created.Body.DataCenter != "oversea" {
				t.Errorf("created: %v", created.Body)
			}
			put(t, env, ref, access("192.0.2.1", 200, "/a"), access("192.0.2.2", 502, "/b"))
			lines := to.wait(t, 2)
			for i, want := range []string{
				`{"ClientIP":"192.0.2.1","EdgeResponseStatusCode":200,"ClientRequestURI":"/a"}`,
				`{"ClientIP":"192.0.2.2","EdgeResponseStatusCode":502,"ClientRequestURI":"/b"}`,
			} {
				if lines[i] != want {
					t.Errorf("line %d: %s, want %s", i, lines[i], want)
				}
			}

			got, err := c.GetSiteDeliveryTask(&esa.GetSiteDeliveryTaskRequest{SiteId: tea.Int64(id), TaskName: tea.String("t1")})
			if err != nil {
				t.Fatal(err)
			}
			b := got.Body
			if *b.FieldList != fields || *b.Status != "online" || *b.DeliveryType != "http" || *b.SiteName != "example.com" || *b.SiteId != id {
				t.Errorf("task: %v", b)
			}
			if text, _ := json.Marshal(b.SinkConfig); strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), to.URL) {
				t.Errorf("sink config: %s", text)
			}
			list, err := c.ListSiteDeliveryTasks(&esa.ListSiteDeliveryTasksRequest{SiteId: tea.Int64(id)})
			if err != nil || *list.Body.TotalCount != 1 || *list.Body.Tasks[0].TaskName != "t1" {
				t.Errorf("list: %v, %v", list, err)
			}

			// Offline keeps the place; the new choice of fields holds for what comes after.
			st, err := c.UpdateSiteDeliveryTaskStatus(&esa.UpdateSiteDeliveryTaskStatusRequest{SiteId: tea.Int64(id), TaskName: tea.String("t1"), Method: tea.String("offline")})
			if err != nil || *st.Body.Status != "offline" {
				t.Fatalf("offline: %v, %v", st, err)
			}
			put(t, env, ref, access("192.0.2.3", 404, "/c"))
			if _, err := c.UpdateSiteDeliveryTask(&esa.UpdateSiteDeliveryTaskRequest{
				SiteId: tea.Int64(id), TaskName: tea.String("t1"), BusinessType: tea.String("dcdn_log_access_l1"), FieldName: tea.String("ClientRequestURI"),
			}); err != nil {
				t.Fatal(err)
			}
			if _, err := c.UpdateSiteDeliveryTaskStatus(&esa.UpdateSiteDeliveryTaskStatusRequest{SiteId: tea.Int64(id), TaskName: tea.String("t1"), Method: tea.String("online")}); err != nil {
				t.Fatal(err)
			}
			if line := to.wait(t, 3)[2]; line != `{"ClientRequestURI":"/c"}` {
				t.Errorf("after the change: %s", line)
			}

			quota, err := c.GetSiteLogDeliveryQuota(&esa.GetSiteLogDeliveryQuotaRequest{SiteId: tea.Int64(id), BusinessType: tea.String("dcdn_log_access_l1")})
			if err != nil || *quota.Body.FreeQuota != 199 {
				t.Errorf("quota: %v, %v", quota, err)
			}
			if _, err := c.DeleteSiteDeliveryTask(&esa.DeleteSiteDeliveryTaskRequest{SiteId: tea.Int64(id), TaskName: tea.String("t1")}); err != nil {
				t.Fatal(err)
			}
			_, err = c.GetSiteDeliveryTask(&esa.GetSiteDeliveryTaskRequest{SiteId: tea.Int64(id), TaskName: tea.String("t1")})
			wantCode(t, "a task that is gone", err, "TaskNotFound", 404)
		})
	}
}

// What a request gets wrong is told by the parameter's name, and leaves no task.
func TestBadDeliveryTasks(t *testing.T) {
	env := testenv.Start(t)
	c := client(t, env, nil)
	id := newSite(t, c)
	good := func() *esa.CreateSiteDeliveryTaskRequest {
		return &esa.CreateSiteDeliveryTaskRequest{
			SiteId: tea.Int64(id), TaskName: tea.String("t1"), BusinessType: tea.String("dcdn_log_access_l1"), DeliveryType: tea.String("http"),
			FieldName:    tea.String("ClientIP"),
			HttpDelivery: &esa.CreateSiteDeliveryTaskRequestHttpDelivery{DestUrl: tea.String("https://logs.example/in")},
		}
	}
	for _, f := range []struct {
		name, code string
		status     int
		change     func(*esa.CreateSiteDeliveryTaskRequest)
	}{
		{"no name", "MissingTaskName", 400, func(r *esa.CreateSiteDeliveryTaskRequest) { r.TaskName = nil }},
		{"no fields", "MissingFieldName", 400, func(r *esa.CreateSiteDeliveryTaskRequest) { r.FieldName = nil }},
		{"no type", "MissingDeliveryType", 400, func(r *esa.CreateSiteDeliveryTaskRequest) { r.DeliveryType = nil }},
		{"another type", "InvalidDeliveryType", 400, func(r *esa.CreateSiteDeliveryTaskRequest) { r.DeliveryType = tea.String("fax") }},
		{"another category", "InvalidBusinessType", 400, func(r *esa.CreateSiteDeliveryTaskRequest) { r.BusinessType = tea.String("x") }},
		{"a category of the account", "InvalidBusinessType", 400, func(r *esa.CreateSiteDeliveryTaskRequest) { r.BusinessType = tea.String("dcdn_log_er") }},
		{"rate over 1", "InvalidDiscardRate", 400, func(r *esa.CreateSiteDeliveryTaskRequest) { r.DiscardRate = tea.Float32(1.5) }},
		{"rate of all", "InvalidDiscardRate", 400, func(r *esa.CreateSiteDeliveryTaskRequest) { r.DiscardRate = tea.Float32(1) }},
		{"no destination", "MissingHttpDelivery", 400, func(r *esa.CreateSiteDeliveryTaskRequest) { r.HttpDelivery = nil }},
		{"a bad URL", "InvalidParameter", 400, func(r *esa.CreateSiteDeliveryTaskRequest) { r.HttpDelivery.DestUrl = tea.String("ftp://x") }},
		{"a bad compression", "InvalidHttpDelivery", 400, func(r *esa.CreateSiteDeliveryTaskRequest) { r.HttpDelivery.Compress = tea.String("rar") }},
		{"a private key of 5", "InvalidParameter", 400, func(r *esa.CreateSiteDeliveryTaskRequest) {
			r.HttpDelivery.StandardAuthOn = tea.Bool(true)
			r.HttpDelivery.StandardAuthParam = &esa.CreateSiteDeliveryTaskRequestHttpDeliveryStandardAuthParam{
				PrivateKey: tea.String("abc12"), ExpiredTime: tea.Int32(300), UrlPath: tea.String("v1/log/upload"),
			}
		}},
		{"OSS without credentials", "UnsupportedOperation", 400, func(r *esa.CreateSiteDeliveryTaskRequest) {
			r.DeliveryType = tea.String("oss")
			r.OssDelivery = &esa.CreateSiteDeliveryTaskRequestOssDelivery{BucketName: tea.String("b-1"), Region: tea.String("cn-hangzhou")}
		}},
		{"no such site", "InvalidSiteId.NotFound", 404, func(r *esa.CreateSiteDeliveryTaskRequest) { r.SiteId = tea.Int64(5) }},
	} {
		r := good()
		f.change(r)
		_, err := c.CreateSiteDeliveryTask(r)
		wantCode(t, f.name, err, f.code, f.status)
	}
	list, err := c.ListSiteDeliveryTasks(&esa.ListSiteDeliveryTasksRequest{SiteId: tea.Int64(id)})
	if err != nil || *list.Body.TotalCount != 0 {
		t.Errorf("tasks are left: %v, %v", list, err)
	}
	if _, err := c.CreateSiteDeliveryTask(good()); err != nil {
		t.Fatal(err)
	}
	_, err = c.CreateSiteDeliveryTask(good())
	wantCode(t, "a task that is there", err, "TaskAlreadyExists", 409)
}

// Tasks of the account: the logs of edge routines.
func TestUserDeliveryTask(t *testing.T) {
	env := testenv.Start(t, mayDialLoopback)
	c := client(t, env, nil)
	to := newReceiver(t)
	created, err := c.CreateUserDeliveryTask(&esa.CreateUserDeliveryTaskRequest{
		TaskName: tea.String("er"), BusinessType: tea.String("dcdn_log_er"), DataCenter: tea.String("sg"), DeliveryType: tea.String("http"),
		FieldName: tea.String("RoutineName,Duration"),
		HttpDelivery: &esa.CreateUserDeliveryTaskRequestHttpDelivery{
			DestUrl: tea.String(to.URL), MaxBatchSize: tea.Int64(1),
			HeaderParam: map[string]*esa.HttpDeliveryHeaderParamValue{"X-Token": {StaticValue: tea.String("hunter2")}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if *created.Body.Status != "online" || *created.Body.DataCenter != "sg" {
		t.Errorf("created: %v", created.Body)
	}
	put(t, env, sluice.LogstoreRef{Project: "esa-account", Logstore: "er"}, []sluice.Field{{Key: "RoutineName", Value: "hello"}, {Key: "Duration", Value: "12"}})
	if line := to.wait(t, 1)[0]; line != `{"RoutineName":"hello","Duration":12}` {
		t.Errorf("line %s", line)
	}
	got, err := c.GetUserDeliveryTask(&esa.GetUserDeliveryTaskRequest{TaskName: tea.String("er")})
	if err != nil || *got.Body.FieldList != "RoutineName,Duration" || *got.Body.Status != "online" {
		t.Errorf("task: %v, %v", got, err)
	}
	if _, err := c.UpdateUserDeliveryTaskStatus(&esa.UpdateUserDeliveryTaskStatusRequest{TaskName: tea.String("er"), Method: tea.String("offline")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteUserDeliveryTask(&esa.DeleteUserDeliveryTaskRequest{TaskName: tea.String("er")}); err != nil {
		t.Fatal(err)
	}
}
