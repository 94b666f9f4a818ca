package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/trail/courier/digesttest"
	"github.com/sluicelog/sluice/test/child"
	"github.com/sluicelog/sluice/test/s3server"
)

// audited is a server whose calls are audited, strictly, and a trail of it to a real S3 server.
type audited struct {
	*testing.T
	r      *rand.Rand
	binary string
	dir    string
	log    serverLog
	s3     *s3server.Server
	bucket *s3.Client
	calls  int
	acked  map[string]bool // projects whose creation was answered
}

func (a *audited) start() (*child.Server, *client.Client, *cloudtrail.Client) {
	a.Helper()
	a.log.Reset()
	s, err := child.Start(a.Context(), child.Options{
		Binary: a.binary, DataDir: a.dir, AccessKeyID: keyID, AccessSecret: secret, Output: &a.log,
		Env: []string{
			"SLUICE_DELIVERY_ALLOW_NETWORKS=127.0.0.0/8", "SLUICE_TRAIL_STRICT=true", "SLUICE_TRAIL_FILE_INTERVAL=1s", "SLUICE_TRAIL_DIGEST_INTERVAL=2s",
			"SLUICE_TRAIL_S3_ENDPOINT=" + a.s3.Endpoint, "SLUICE_TRAIL_S3_ACCESS_KEY_ID=" + s3server.AccessKeyID,
			"SLUICE_TRAIL_S3_SECRET_ACCESS_KEY=" + s3server.SecretAccessKey,
		},
	})
	if err != nil {
		a.Fatalf("%v\n%s", err, a.log.String())
	}
	c, err := client.New(client.Options{Endpoint: "http://" + s.Addr, AccessKeyID: keyID, Secret: secret, Attempts: 1})
	if err != nil {
		a.Fatal(err)
	}
	trails := cloudtrail.New(cloudtrail.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://" + s.Addr), Credentials: credentials.NewStaticCredentialsProvider(keyID, secret, ""),
	})
	return s, c, trails
}

// setUp makes a trail that logs.
func (a *audited) setUp(trails *cloudtrail.Client) {
	a.Helper()
	name := aws.String("main")
	if _, err := trails.CreateTrail(a.Context(), &cloudtrail.CreateTrailInput{Name: name, S3BucketName: aws.String("audit"), EnableLogFileValidation: aws.Bool(true)}); err != nil {
		a.Fatal(err)
	}
	if _, err := trails.StartLogging(a.Context(), &cloudtrail.StartLoggingInput{Name: name}); err != nil {
		a.Fatal(err)
	}
}

// callUntilKilled makes calls and kills the server after a random number of answers, in the middle of the next call.
func (a *audited) callUntilKilled(s *child.Server, c *client.Client) {
	ctx, cancel := context.WithCancel(a.Context())
	defer cancel()
	enough, done := 10+a.r.IntN(250), make(chan struct{})
	killed := make(chan error, 1)
	go func() {
		<-done
		killed <- s.Kill()
	}()
	for answered := 0; ; {
		name := fmt.Sprintf("project-%d", a.calls)
		a.calls++
		if err := c.CreateProject(ctx, name, ""); err != nil {
			if answered < enough {
				a.Fatalf("%v\n%s", err, a.log.String())
			}
			break
		}
		a.acked[name] = true
		if answered++; answered == enough {
			close(done)
		}
	}
	if err := <-killed; err != nil {
		a.Fatal(err)
	}
}

// objects are all objects of the bucket.
func (a *audited) objects() map[string]digesttest.Object {
	a.Helper()
	all := map[string]digesttest.Object{}
	pages := s3.NewListObjectsV2Paginator(a.bucket, &s3.ListObjectsV2Input{Bucket: aws.String("audit")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(a.Context())
		if err != nil {
			a.Fatal(err)
		}
		for _, o := range page.Contents {
			if !strings.HasSuffix(*o.Key, ".json.gz") {
				continue
			}
			got, err := a.bucket.GetObject(a.Context(), &s3.GetObjectInput{Bucket: aws.String("audit"), Key: o.Key})
			if err != nil {
				a.Fatal(err)
			}
			body, err := io.ReadAll(got.Body)
			if err != nil {
				a.Fatal(err)
			}
			_ = got.Body.Close()
			all[*o.Key] = digesttest.Object{Body: body, Signature: got.Metadata["signature"]}
		}
	}
	return all
}

// created are how often the creation of each project is in the log files, and how often each event is.
func (a *audited) created(objects map[string]digesttest.Object) (projects, events map[string]int) {
	a.Helper()
	projects, events = map[string]int{}, map[string]int{}
	for key, o := range objects {
		if strings.Contains(key, "CloudTrail-Digest") {
			continue
		}
		var file struct {
			Records []struct {
				EventID, EventName string
				Resources          []struct{ ARN string }
			}
		}
		if err := json.Unmarshal(digesttest.Inflated(o.Body), &file); err != nil {
			a.Fatalf("%s: %v", key, err)
		}
		for _, r := range file.Records {
			events[r.EventID]++
			if r.EventName == "CreateProject" && len(r.Resources) > 0 {
				_, name, _ := strings.Cut(r.Resources[0].ARN, ":project/")
				projects[name]++
			}
		}
	}
	return projects, events
}

// settle waits until everything that was answered is in the bucket, and a digest came after it.
func (a *audited) settle() map[string]digesttest.Object {
	a.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	for after := -1; ; {
		objects := a.objects()
		projects, _ := a.created(objects)
		missing, digests := 0, 0
		for name := range a.acked {
			if projects[name] == 0 {
				missing++
			}
		}
		for key := range objects {
			if strings.Contains(key, "CloudTrail-Digest") {
				digests++
			}
		}
		switch {
		case missing == 0 && after < 0:
			after = digests + 1
		case missing == 0 && digests >= after:
			return objects
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			a.Fatalf("%d of %d calls are in no file; the server's log:\n%s", missing, len(a.acked), a.log.String())
		}
	}
}

// TestKillWhileAuditing kills the server while it audits calls and delivers the events, starts it again, and in the end demands every answered call
// in the files of the bucket, every event at most once, and digests that hold.
func TestKillWhileAuditing(t *testing.T) {
	rounds := 30
	if testing.Short() {
		rounds = 4
	}
	t.Logf("seed %d", *seed)
	a := &audited{T: t, r: rand.New(rand.NewPCG(*seed, 5)), binary: buildServer(t), dir: t.TempDir(), s3: s3server.Start(t), acked: map[string]bool{}}
	a.s3.Bucket(t, "audit")
	a.bucket = s3.New(s3.Options{
		Region: s3server.Region, BaseEndpoint: &a.s3.Endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(s3server.AccessKeyID, s3server.SecretAccessKey, ""),
	})
	for round := range rounds {
		s, c, trails := a.start()
		if round == 0 {
			a.setUp(trails)
		}
		a.callUntilKilled(s, c)
	}
	s, _, trails := a.start()
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	objects := a.settle()
	_, events := a.created(objects)
	for id, n := range events {
		if n > 1 {
			t.Errorf("event %s is %d times in the bucket", id, n)
		}
	}
	listed, err := trails.ListPublicKeys(t.Context(), &cloudtrail.ListPublicKeysInput{StartTime: aws.Time(time.Now().Add(-time.Hour))})
	if err != nil {
		t.Fatal(err)
	}
	var keys [][]byte
	for _, k := range listed.PublicKeyList {
		keys = append(keys, k.Value)
	}
	files, err := digesttest.Check("audit", objects, keys)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d calls, %d answered, %d events, %d objects, %d files in digests", a.calls, len(a.acked), len(events), len(objects), len(files))
	if t.Failed() {
		t.Logf("the server's log:\n%s", a.log.String())
	}
}
