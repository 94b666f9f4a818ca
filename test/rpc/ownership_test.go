package rpc

import (
	"context"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	esa "github.com/alibabacloud-go/esa-20240910/client"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"

	"github.com/sluicelog/sluice"
	sluiceclient "github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/site"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/test/ossserver"
)

// proof is a server that asks for proof of buckets, a bucket, and its owner.
type proof struct {
	t     *testing.T
	env   *testenv.Env
	store *ossserver.Server
	owner *oss.Client
	own   *sluiceclient.Client
}

const provenBucket = "b-1"

func newProof(t *testing.T) *proof {
	t.Helper()
	p := &proof{t: t, store: ossserver.New(provenBucket)}
	server := httptest.NewServer(p.store)
	t.Cleanup(server.Close)
	p.env = testenv.Start(t, mayDialLoopback, func(c *config.Config) {
		c.Delivery.BucketOwnership = "token"
		c.Delivery.OSSAccessKeyID, c.Delivery.OSSAccessKeySecret, c.Delivery.OSSEndpoint = config.Secret(p.store.ID), config.Secret(p.store.Secret), server.URL
	})
	p.owner = oss.NewClient(oss.LoadDefaultConfig().WithRegion(p.store.Region).WithEndpoint(server.URL).WithUsePathStyle(true).
		WithCredentialsProvider(credentials.NewStaticCredentialsProvider(p.store.ID, p.store.Secret)))
	var err error
	p.own, err = sluiceclient.New(sluiceclient.Options{Endpoint: p.env.URL(), AccessKeyID: testenv.RootID, Secret: testenv.RootSecret})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// logs are the objects in the bucket that are no challenges.
func (p *proof) logs() (names []string) {
	for name := range p.store.Objects(provenBucket) {
		if !strings.Contains(name, "ownership-challenge-") && !strings.HasSuffix(name, "sluice-check.txt") {
			names = append(names, name)
		}
	}
	return names
}

// challenge asks for a challenge, and reads it in the bucket as its owner does.
func (p *proof) challenge(ctx context.Context, project, task string) (token string) {
	p.t.Helper()
	file, err := p.own.ChallengeDelivery(ctx, project, task)
	if err != nil {
		p.t.Fatal(err)
	}
	o, err := p.owner.GetObject(ctx, &oss.GetObjectRequest{Bucket: oss.Ptr(provenBucket), Key: oss.Ptr(file)})
	if err != nil {
		p.t.Fatal(err)
	}
	defer o.Body.Close()
	text, err := io.ReadAll(o.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// eventually waits until fact is true.
func (p *proof) eventually(what string, fact func() bool) {
	p.t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !fact() {
		select {
		case <-tick.C:
		case <-deadline.C:
			p.t.Fatalf("never: %s", what)
		}
	}
}

// A task of ESA whose bucket nobody has proved stays offline, whatever the console asks; no log goes there. The owner of the bucket reads the
// challenge, and then the task can go online. A token of another task's project, and a token that was used for another challenge, prove nothing.
func TestBucketsOfESAAreProved(t *testing.T) {
	p := newProof(t)
	c := client(t, p.env, nil)
	id := newSite(t, c)
	made, err := c.CreateSite(&esa.CreateSiteRequest{SiteName: tea.String("other.example"), AccessType: tea.String("NS"), Coverage: tea.String("domestic"), InstanceId: tea.String("i-1")})
	if err != nil {
		t.Fatal(err)
	}
	other := *made.Body.SiteId
	create := func(site int64) error {
		_, err := c.CreateSiteDeliveryTask(&esa.CreateSiteDeliveryTaskRequest{
			SiteId: tea.Int64(site), TaskName: tea.String("t1"), BusinessType: tea.String("dcdn_log_access_l1"), DeliveryType: tea.String("oss"),
			FieldName: tea.String("ClientRequestURI"), DataCenter: tea.String("cn"),
			OssDelivery: &esa.CreateSiteDeliveryTaskRequestOssDelivery{BucketName: tea.String(provenBucket), Region: tea.String("cn-hangzhou"), PrefixPath: tea.String("dir/")},
		})
		return err
	}
	online := func(site int64) error {
		_, err := c.UpdateSiteDeliveryTaskStatus(&esa.UpdateSiteDeliveryTaskStatusRequest{SiteId: tea.Int64(site), TaskName: tea.String("t1"), Method: tea.String("online")})
		return err
	}
	for _, site := range []int64{id, other} {
		wantCode(t, "create", create(site), "IncorrectStatus", 409)
		wantCode(t, "online", online(site), "IncorrectStatus", 409)
	}
	got, err := c.GetSiteDeliveryTask(&esa.GetSiteDeliveryTaskRequest{SiteId: tea.Int64(id), TaskName: tea.String("t1")})
	if err != nil || *got.Body.Status != "offline" {
		t.Errorf("the task that waits for a proof: %v, %v", got, err)
	}
	ref, _, err := site.Ref(id, "dcdn_log_access_l1")
	if err != nil {
		t.Fatal(err)
	}
	put(t, p.env, ref, access("192.0.2.1", 200, "/before"))

	ctx := t.Context()
	foreign := p.challenge(ctx, site.Project(other), "t1")
	stale := p.challenge(ctx, ref.Project, "t1")
	token := p.challenge(ctx, ref.Project, "t1")
	for what, wrong := range map[string]string{"a token of another project": foreign, "a token of an earlier challenge": stale, "no token": ""} {
		if err := p.own.ProveDelivery(ctx, ref.Project, "t1", wrong); err == nil {
			t.Errorf("%s was taken for a proof", what)
		}
		wantCode(t, what, online(id), "IncorrectStatus", 409)
	}
	if names := p.logs(); len(names) != 0 {
		t.Errorf("logs went to a bucket that nobody has proved: %q", names)
	}
	if err := p.own.ProveDelivery(ctx, ref.Project, "t1", token); err != nil {
		t.Fatal(err)
	}
	if err := online(id); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "the other site, which has proved nothing", online(other), "IncorrectStatus", 409)
	put(t, p.env, ref, access("192.0.2.2", 200, "/after"))
	if _, err := p.env.Node.Catalog.Split(ctx, ref, 0, nil, 2); err != nil { // both shards: nothing more comes
		t.Fatal(err)
	}
	if _, err := p.env.Node.Catalog.Split(ctx, ref, 1, nil, 2); err != nil {
		t.Fatal(err)
	}
	p.eventually("an object with logs", func() bool { return len(p.logs()) > 0 })
}

// The shipper dialect: the shipper is there and waits, also when it is enabled again; proved, it ships.
func TestBucketsOfShippersAreProved(t *testing.T) {
	p := newProof(t)
	p.env.OK(t, testenv.Call{Method: "POST", Target: "/", Body: []byte(`{"projectName":"ships","description":""}`)})
	p.env.OK(t, testenv.Call{Method: "POST", Project: "ships", Target: "/logstores", Body: []byte(`{"logstoreName":"web","ttl":1,"shardCount":1}`)})
	const shipper = `{"shipperName":"s","targetType":"oss","targetConfiguration":{"ossBucket":"b-1","ossPrefix":"dir","bufferInterval":300,"bufferSize":5,` +
		`"compressType":"none","enable":true,"storage":{"format":"json","detail":{"enableTag":false}}}}`
	const job = `{"name":"e","configuration":{"logstore":"web","fromTime":1,"sink":{"type":"AliyunOSS","bucket":"b-1","prefix":"export","bufferInterval":300,"bufferSize":5}}}`
	call := func(method, target, body, code string) {
		t.Helper()
		if a := p.env.Do(t, testenv.Call{Method: method, Project: "ships", Target: target, Body: []byte(body)}); a.Code != code {
			t.Errorf("%s %s: %d %s %q, want %q", method, target, a.Status, a.Code, a.Message, code)
		}
	}
	const refused = "DeliveryTaskConflict"
	call("POST", "/logstores/web/shipper", shipper, refused)
	call("PUT", "/logstores/web/shipper/s", shipper, refused)
	call("GET", "/logstores/web/shipper/s", "", "")
	call("POST", "/jobs", job, refused)
	call("PUT", "/jobs/e?action=START", "", refused)

	ctx := t.Context()
	if err := p.own.ProveDelivery(ctx, "ships", "web.s", p.challenge(ctx, "ships", "web.s")); err != nil {
		t.Fatal(err)
	}
	call("PUT", "/jobs/e?action=START", "", refused) // of another directory
	call("PUT", "/logstores/web/shipper/s", shipper, "")
	put(t, p.env, sluice.LogstoreRef{Project: "ships", Logstore: "web"}, access("192.0.2.1", 200, "/"))
	call("POST", "/logstores/web/shards/0?action=split&key=80000000000000000000000000000000", "", "") // so that nothing waits for more
	below := func(dir string) func() bool {
		return func() bool {
			return slices.ContainsFunc(p.logs(), func(name string) bool { return strings.HasPrefix(name, dir+"/") })
		}
	}
	p.eventually("an object of the shipper", below("dir"))
	if below("export")() {
		t.Error("logs went to a directory that nobody has proved")
	}
	if err := p.own.ProveDelivery(ctx, "ships", "e", p.challenge(ctx, "ships", "e")); err != nil {
		t.Fatal(err)
	}
	call("PUT", "/jobs/e?action=START", "", "")
	p.eventually("an object of the job", below("export"))
}
