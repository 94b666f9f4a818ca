// Package aws tests the CloudTrail API with AWS's own Go client, unmodified, against a whole server and a real S3 server.
package aws

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/smithy-go"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/test/s3server"
)

// yard is a server whose trails go to a real S3 server.
type yard struct {
	*testing.T
	env    *testenv.Env
	s3     *s3server.Server
	client *cloudtrail.Client
}

func newYard(t *testing.T) *yard {
	y := &yard{T: t, s3: s3server.Start(t)}
	y.s3.Bucket(t, "audit")
	y.env = testenv.Start(t, y.configure)
	y.client = client(y.env, testenv.RootKey)
	return y
}

func (y *yard) configure(c *config.Config) {
	c.Delivery.AllowNetworks = "127.0.0.0/8"
	c.Assistant.Region = "cn-hangzhou"
	c.Trail.FileInterval, c.Trail.DigestInterval = time.Second, 2*time.Second
	c.Trail.S3Endpoint, c.Trail.S3AccessKeyID, c.Trail.S3SecretAccessKey = y.s3.Endpoint, s3server.AccessKeyID, s3server.SecretAccessKey
	c.Trail.AccountAliases = "root:123456789012"
}

// client makes a client of AWS that asks nobody else.
func client(env *testenv.Env, key testenv.Key) *cloudtrail.Client {
	return cloudtrail.New(cloudtrail.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(env.URL()), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret, key.Token),
	})
}

// wantCode fails the test unless err is the service's, of this name.
func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	var answer smithy.APIError
	if !errors.As(err, &answer) || answer.ErrorCode() != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// eventually asks until fact is true.
func (y *yard) eventually(what string, fact func(context.Context) bool) {
	y.Helper()
	ctx, cancel := context.WithTimeout(y.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !fact(ctx) {
		select {
		case <-ctx.Done():
			y.Fatalf("%s: it does not come", what)
		case <-tick.C:
		}
	}
}

func (y *yard) createTrail(name string) *cloudtrail.CreateTrailOutput {
	y.Helper()
	made, err := y.client.CreateTrail(y.Context(), &cloudtrail.CreateTrailInput{
		Name: &name, S3BucketName: aws.String("audit"), S3KeyPrefix: aws.String("pfx/a"), EnableLogFileValidation: aws.Bool(true),
		TagsList: []types.Tag{{Key: aws.String("team"), Value: aws.String("security")}},
	})
	if err != nil {
		y.Fatal(err)
	}
	return made
}

// objects are the names of the objects of the bucket that have a text in them, sorted.
func (y *yard) objects(with string) (names []string) {
	root := filepath.Join(y.s3.Root, "audit")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if name, _ := filepath.Rel(root, path); err == nil && d.Type().IsRegular() && strings.Contains(name, with) {
			names = append(names, name)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a file that is being written may go
		y.Fatal(err)
	}
	slices.Sort(names)
	return names
}

type record struct {
	EventID, EventName, EventSource, EventTime, RecipientAccountID, ErrorCode string
	ReadOnly                                                                  bool
	UserIdentity                                                              struct{ Type, ARN string }
	Resources                                                                 []struct{ ARN string }
}

// records are those of all log files.
func (y *yard) records() (all []record) {
	for _, name := range y.objects("/CloudTrail/cn-hangzhou/") {
		body, err := os.ReadFile(filepath.Join(y.s3.Root, "audit", name))
		if err != nil {
			y.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			y.Fatalf("%s: %v", name, err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			y.Fatalf("%s: %v", name, err)
		}
		var file struct{ Records []record }
		if err := json.Unmarshal(text, &file); err != nil {
			y.Fatalf("%s: %v", name, err)
		}
		all = append(all, file.Records...)
	}
	return all
}

func (y *yard) makeLogstore(project, logstore string) {
	y.env.OK(y, testenv.Call{Method: "POST", Project: project, Target: "/logstores", Body: []byte(`{"logstoreName":"` + logstore + `","ttl":1,"shardCount":1}`)})
}

func (y *yard) makeProject(name string) {
	y.env.OK(y, testenv.Call{Method: "POST", Target: "/", Body: []byte(`{"projectName":"` + name + `","description":""}`)})
}

func TestTrailFillsABucket(t *testing.T) {
	y := newYard(t)
	ctx := t.Context()
	made := y.createTrail("main")
	if want := "arn:aws:cloudtrail:cn-hangzhou:123456789012:trail/main"; *made.TrailARN != want || !*made.LogFileValidationEnabled {
		t.Errorf("made %+v, want %s with validation", made, want)
	}
	status, err := y.client.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: made.TrailARN})
	if err != nil || *status.IsLogging || status.StartLoggingTime != nil {
		t.Fatalf("status of a new trail: %+v, %v", status, err)
	}
	if _, err := y.client.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: made.Name}); err != nil {
		t.Fatal(err)
	}
	y.makeProject("web")
	y.makeLogstore("web", "app")

	y.eventually("the call in a file", func(context.Context) bool {
		return slices.ContainsFunc(y.records(), func(r record) bool { return r.EventName == "CreateLogStore" })
	})
	for _, r := range y.records() {
		if r.EventName == "CreateLogStore" && (r.EventSource != "sls.sluice.internal" || r.RecipientAccountID != "123456789012" || r.ReadOnly || r.UserIdentity.Type != "Root") {
			t.Errorf("record %+v", r)
		}
	}
	y.eventually("three digests", func(context.Context) bool { return len(y.objects("/CloudTrail-Digest/")) >= 3 })
	for _, name := range y.objects("/CloudTrail-Digest/") {
		if !strings.HasPrefix(name, "pfx/a/AWSLogs/123456789012/CloudTrail-Digest/cn-hangzhou/") || !strings.Contains(name, "_main_cn-hangzhou_") {
			t.Errorf("digest %s", name)
		}
	}
	status, err = y.client.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: made.Name})
	if err != nil || !*status.IsLogging || status.LatestDeliveryTime == nil || status.LatestDigestDeliveryTime == nil || status.LatestDeliveryError != nil || *status.TimeLoggingStarted == "" {
		t.Errorf("status %+v, %v", status, err)
	}
	now := time.Now()
	keys, err := y.client.ListPublicKeys(ctx, &cloudtrail.ListPublicKeysInput{StartTime: aws.Time(now.Add(-time.Minute)), EndTime: aws.Time(now.Add(time.Hour))})
	if err != nil || len(keys.PublicKeyList) != 1 || len(*keys.PublicKeyList[0].Fingerprint) != 32 || len(keys.PublicKeyList[0].Value) < 200 {
		t.Errorf("keys %+v, %v", keys, err)
	}
	seen := map[string]int{}
	for _, r := range y.records() {
		if seen[r.EventID]++; seen[r.EventID] > 1 {
			t.Errorf("event %s is there twice", r.EventID)
		}
	}
}

func TestBucketThatRefuses(t *testing.T) {
	y := newYard(t)
	ctx := t.Context()
	y.createTrail("main")
	if _, err := y.client.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: aws.String("main")}); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(y.s3.Root, "audit")
	if err := os.Rename(gone, gone+".away"); err != nil {
		t.Fatal(err)
	}
	y.makeProject("web")
	y.eventually("the error", func(ctx context.Context) bool {
		status, err := y.client.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: aws.String("main")})
		return err == nil && aws.ToString(status.LatestDeliveryError) == "NoSuchBucket"
	})
	if err := os.Rename(gone+".away", gone); err != nil {
		t.Fatal(err)
	}
	y.eventually("no error any more", func(ctx context.Context) bool {
		status, err := y.client.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: aws.String("main")})
		return err == nil && status.LatestDeliveryError == nil && status.LatestDeliveryTime != nil
	})
	y.eventually("the call in a file", func(context.Context) bool {
		return slices.ContainsFunc(y.records(), func(r record) bool { return r.EventName == "CreateProject" })
	})
}

func TestTrailsThatAreRefused(t *testing.T) {
	y := newYard(t)
	ctx := t.Context()
	create := func(change func(*cloudtrail.CreateTrailInput)) error {
		in := &cloudtrail.CreateTrailInput{Name: aws.String("other"), S3BucketName: aws.String("audit")}
		change(in)
		_, err := y.client.CreateTrail(ctx, in)
		return err
	}
	y.createTrail("main")
	for _, c := range []struct {
		what, code string
		change     func(*cloudtrail.CreateTrailInput)
	}{
		{"again", "TrailAlreadyExistsException", func(in *cloudtrail.CreateTrailInput) { in.Name = aws.String("main") }},
		{"a name", "InvalidTrailNameException", func(in *cloudtrail.CreateTrailInput) { in.Name = aws.String("a..b") }},
		{"no such bucket", "S3BucketDoesNotExistException", func(in *cloudtrail.CreateTrailInput) { in.S3BucketName = aws.String("missing") }},
		{"no name of a bucket", "InvalidS3BucketNameException", func(in *cloudtrail.CreateTrailInput) { in.S3BucketName = aws.String("A/B") }},
		{"a prefix", "InvalidS3PrefixException", func(in *cloudtrail.CreateTrailInput) { in.S3KeyPrefix = aws.String("../x") }},
		{"a topic", "InvalidSnsTopicNameException", func(in *cloudtrail.CreateTrailInput) { in.SnsTopicName = aws.String("t") }},
		{"a key", "InvalidKmsKeyIdException", func(in *cloudtrail.CreateTrailInput) { in.KmsKeyId = aws.String("k") }},
		{"a log group", "CloudWatchLogsDeliveryUnavailableException", func(in *cloudtrail.CreateTrailInput) { in.CloudWatchLogsLogGroupArn = aws.String("arn:x") }},
		{"an organization", "UnsupportedOperationException", func(in *cloudtrail.CreateTrailInput) { in.IsOrganizationTrail = aws.Bool(true) }},
		{"no global events", "InvalidParameterCombinationException", func(in *cloudtrail.CreateTrailInput) {
			in.IsMultiRegionTrail, in.IncludeGlobalServiceEvents = aws.Bool(true), aws.Bool(false)
		}},
	} {
		wantCode(t, c.what, create(c.change), c.code)
	}
	_, err := y.client.GetTrail(ctx, &cloudtrail.GetTrailInput{Name: aws.String("nothing")})
	wantCode(t, "no trail", err, "TrailNotFoundException")
	_, err = y.client.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: aws.String("arn:aws:cloudtrail:us-east-1:123456789012:trail/main")})
	wantCode(t, "another region", err, "InvalidHomeRegionException")
	_, err = y.client.GetTrail(ctx, &cloudtrail.GetTrailInput{Name: aws.String("arn:aws:s3:::bucket")})
	wantCode(t, "another ARN", err, "CloudTrailARNInvalidException")
	_, err = y.client.ListEventDataStores(ctx, &cloudtrail.ListEventDataStoresInput{})
	wantCode(t, "an operation that is not here", err, "UnsupportedOperationException")
	_, err = y.client.GetInsightSelectors(ctx, &cloudtrail.GetInsightSelectorsInput{TrailName: aws.String("main")})
	wantCode(t, "insights", err, "InsightNotEnabledException")
	_, err = y.client.PutEventSelectors(ctx, &cloudtrail.PutEventSelectorsInput{TrailName: aws.String("main"), EventSelectors: []types.EventSelector{{
		DataResources: []types.DataResource{{Type: aws.String("AWS::S3::Object"), Values: []string{"arn:aws:s3"}}},
	}}})
	wantCode(t, "resources of AWS", err, "InvalidEventSelectorsException")

	// Another account may name no bucket, and sees nothing.
	var made struct{ AccessKeyID, AccessKeySecret string }
	y.env.JSON(t, testenv.Call{Method: "POST", Target: "/sluice/v1/accounts", Body: []byte(`{"name":"far"}`)}, &made)
	far := client(y.env, testenv.Key{ID: made.AccessKeyID, Secret: made.AccessKeySecret})
	_, err = far.CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: aws.String("spy"), S3BucketName: aws.String("audit")})
	wantCode(t, "another account's trail to the bucket", err, "InsufficientS3BucketPolicyException")
	_, err = far.GetTrail(ctx, &cloudtrail.GetTrailInput{Name: aws.String("main")})
	wantCode(t, "another account's look", err, "TrailNotFoundException")
	_, err = far.DeleteTrail(ctx, &cloudtrail.DeleteTrailInput{Name: aws.String("arn:aws:cloudtrail:cn-hangzhou:123456789012:trail/main")})
	wantCode(t, "another account's hand", err, "TrailNotFoundException")
	if all, err := far.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{}); err != nil || len(all.TrailList) != 0 {
		t.Errorf("another account sees %+v, %v", all, err)
	}
}

func TestTrailsAreManaged(t *testing.T) {
	y := newYard(t)
	ctx, name := t.Context(), aws.String("main")
	made := y.createTrail("main")
	if _, err := y.client.UpdateTrail(ctx, &cloudtrail.UpdateTrailInput{Name: name, S3KeyPrefix: aws.String(""), IsMultiRegionTrail: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	got, err := y.client.GetTrail(ctx, &cloudtrail.GetTrailInput{Name: made.TrailARN})
	if err != nil {
		t.Fatal(err)
	}
	if x := got.Trail; x.S3KeyPrefix != nil || !*x.IsMultiRegionTrail || *x.HomeRegion != "cn-hangzhou" || *x.HasCustomEventSelectors || !*x.LogFileValidationEnabled {
		t.Errorf("trail %+v", x)
	}
	list, err := y.client.ListTrails(ctx, &cloudtrail.ListTrailsInput{})
	if err != nil || len(list.Trails) != 1 || *list.Trails[0].TrailARN != *made.TrailARN {
		t.Errorf("list %+v, %v", list, err)
	}
	for want, names := range map[int][]string{1: {"main", "nothing"}, 0: {"nothing"}} {
		all, err := y.client.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{TrailNameList: names})
		if err != nil || len(all.TrailList) != want {
			t.Errorf("describe %v: %+v, %v", names, all, err)
		}
	}

	selectors, err := y.client.GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: name})
	if err != nil || len(selectors.EventSelectors) != 1 || selectors.EventSelectors[0].ReadWriteType != types.ReadWriteTypeAll || !*selectors.EventSelectors[0].IncludeManagementEvents {
		t.Errorf("selectors %+v, %v", selectors, err)
	}
	advanced := []types.AdvancedEventSelector{{Name: aws.String("data"), FieldSelectors: []types.AdvancedFieldSelector{
		{Field: aws.String("eventCategory"), Equals: []string{"Data"}},
		{Field: aws.String("resources.ARN"), StartsWith: []string{"acs:log:"}},
	}}}
	if _, err := y.client.PutEventSelectors(ctx, &cloudtrail.PutEventSelectorsInput{TrailName: name, AdvancedEventSelectors: advanced}); err != nil {
		t.Fatal(err)
	}
	selectors, err = y.client.GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: name})
	if err != nil || len(selectors.EventSelectors) != 0 || len(selectors.AdvancedEventSelectors) != 1 || *selectors.AdvancedEventSelectors[0].Name != "data" {
		t.Errorf("selectors %+v, %v", selectors, err)
	}

	if _, err := y.client.AddTags(ctx, &cloudtrail.AddTagsInput{ResourceId: made.TrailARN, TagsList: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := y.client.RemoveTags(ctx, &cloudtrail.RemoveTagsInput{ResourceId: made.TrailARN, TagsList: []types.Tag{{Key: aws.String("team")}}}); err != nil {
		t.Fatal(err)
	}
	tags, err := y.client.ListTags(ctx, &cloudtrail.ListTagsInput{ResourceIdList: []string{*made.TrailARN}})
	if err != nil || len(tags.ResourceTagList) != 1 || len(tags.ResourceTagList[0].TagsList) != 1 || *tags.ResourceTagList[0].TagsList[0].Key != "a" {
		t.Errorf("tags %+v, %v", tags, err)
	}

	if _, err := y.client.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: name}); err != nil {
		t.Fatal(err)
	}
	if _, err := y.client.StopLogging(ctx, &cloudtrail.StopLoggingInput{Name: name}); err != nil {
		t.Fatal(err)
	}
	status, err := y.client.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: name})
	if err != nil || *status.IsLogging || status.StopLoggingTime == nil {
		t.Errorf("status %+v, %v", status, err)
	}
	if _, err := y.client.DeleteTrail(ctx, &cloudtrail.DeleteTrailInput{Name: name}); err != nil {
		t.Fatal(err)
	}
	_, err = y.client.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: name})
	wantCode(t, "a trail that is gone", err, "TrailNotFoundException")
}

func TestLookupEvents(t *testing.T) {
	y := newYard(t)
	ctx := t.Context()
	y.makeProject("web")
	for _, name := range strings.Fields("a1 a2 a3 a4 a5") {
		y.makeLogstore("web", name)
	}
	by := func(key types.LookupAttributeKey, value string) []types.LookupAttribute {
		return []types.LookupAttribute{{AttributeKey: key, AttributeValue: &value}}
	}
	made := by(types.LookupAttributeKeyEventName, "CreateLogStore")
	y.eventually("the events", func(ctx context.Context) bool {
		found, err := y.client.LookupEvents(ctx, &cloudtrail.LookupEventsInput{LookupAttributes: made})
		return err == nil && len(found.Events) == 5
	})
	pages := cloudtrail.NewLookupEventsPaginator(y.client, &cloudtrail.LookupEventsInput{LookupAttributes: made, MaxResults: aws.Int32(2)})
	var all []types.Event
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Events...)
	}
	for i, e := range all {
		if i > 0 && e.EventTime.After(*all[i-1].EventTime) {
			t.Error("not the newest first")
		}
		if *e.EventSource != "sls.sluice.internal" || *e.ReadOnly != "false" || *e.Username != "root" || *e.AccessKeyId != testenv.RootID || !strings.HasPrefix(*e.CloudTrailEvent, `{"eventVersion"`) {
			t.Errorf("event %+v", e)
		}
	}
	if len(all) != 5 {
		t.Errorf("%d events in pages, want 5", len(all))
	}
	for key, value := range map[types.LookupAttributeKey]string{
		types.LookupAttributeKeyResourceName: "a3", types.LookupAttributeKeyEventId: *all[0].EventId,
	} {
		found, err := y.client.LookupEvents(ctx, &cloudtrail.LookupEventsInput{LookupAttributes: by(key, value)})
		if err != nil || len(found.Events) != 1 {
			t.Errorf("by %s: %+v, %v", key, found, err)
		}
	}
	found, err := y.client.LookupEvents(ctx, &cloudtrail.LookupEventsInput{LookupAttributes: by(types.LookupAttributeKeyEventSource, "s3.amazonaws.com")})
	if err != nil || len(found.Events) != 0 {
		t.Errorf("of a source that is not here: %+v, %v", found, err)
	}
	for _, c := range []struct {
		code string
		in   cloudtrail.LookupEventsInput
	}{
		{"InvalidMaxResultsException", cloudtrail.LookupEventsInput{MaxResults: aws.Int32(51)}},
		{"InvalidNextTokenException", cloudtrail.LookupEventsInput{NextToken: aws.String("x")}},
		{"InvalidTimeRangeException", cloudtrail.LookupEventsInput{StartTime: aws.Time(time.Unix(2000, 0)), EndTime: aws.Time(time.Unix(1000, 0))}},
		{"InvalidLookupAttributesException", cloudtrail.LookupEventsInput{LookupAttributes: by("Color", "red")}},
		{"InvalidEventCategoryException", cloudtrail.LookupEventsInput{EventCategory: "data"}},
	} {
		_, err := y.client.LookupEvents(ctx, &c.in)
		wantCode(t, "lookup", err, c.code)
	}
}

func TestDataEventsThatATrailAsksFor(t *testing.T) {
	y := newYard(t)
	ctx := t.Context()
	y.makeProject("web")
	y.makeLogstore("web", "app")
	y.makeLogstore("web", "other")
	y.createTrail("main")
	_, err := y.client.PutEventSelectors(ctx, &cloudtrail.PutEventSelectorsInput{TrailName: aws.String("main"), AdvancedEventSelectors: []types.AdvancedEventSelector{{
		FieldSelectors: []types.AdvancedFieldSelector{
			{Field: aws.String("eventCategory"), Equals: []string{"Data"}},
			{Field: aws.String("resources.type"), Equals: []string{"ACS::SLS::Logstore"}},
			{Field: aws.String("resources.ARN"), EndsWith: []string{":project/web/logstore/app"}},
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := y.client.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: aws.String("main")}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"other", "app"} {
		y.env.OK(t, testenv.Call{Project: "web", Target: "/logstores/" + name + "/shards/0?type=cursor&from=begin"})
	}
	y.eventually("the call in a file", func(context.Context) bool {
		return slices.ContainsFunc(y.records(), func(r record) bool { return r.EventName == "GetCursorOrData" })
	})
	for _, r := range y.records() {
		if r.EventName == "GetCursorOrData" && (len(r.Resources) != 2 || !strings.HasSuffix(r.Resources[1].ARN, "/logstore/app")) || r.EventName == "GetTrailStatus" {
			t.Errorf("record %+v", r)
		}
	}
}
