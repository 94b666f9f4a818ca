//go:build compat

package compat

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/test/child"
	"github.com/sluicelog/sluice/test/compat/results"
	"github.com/sluicelog/sluice/test/s3server"
)

const (
	cliVersion = "1.45.11"
	awsRegion  = "cn-hangzhou"
	awsAccount = "123456789012"
	awsBucket  = "audit"
)

// awsCLI is AWS's command line against a server of ours, whose trails go to a real S3 server.
type awsCLI struct {
	*testing.T
	program string
	s3      *s3server.Server
	env     []string
}

func newAWSCLI(t *testing.T) *awsCLI {
	program := os.Getenv("AWSCLI")
	if program == "" {
		t.Fatal("AWSCLI names the command line: run make compat")
	}
	c := &awsCLI{T: t, program: program, s3: s3server.Start(t)}
	c.s3.Bucket(t, awsBucket)
	output, err := os.Create(filepath.Join(t.TempDir(), "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { output.Close() })
	s, err := child.Start(t.Context(), child.Options{
		Binary: filepath.Join(root, "bin/sluiced"), DataDir: t.TempDir(), BaseDomain: baseDomain,
		// The validator asks the server and the bucket by one and the same key.
		AccessKeyID: s3server.AccessKeyID, AccessSecret: s3server.SecretAccessKey, Output: output,
		Env: []string{
			"SLUICE_DELIVERY_ALLOW_NETWORKS=127.0.0.0/8", "SLUICE_ASSISTANT_REGION=" + awsRegion, "SLUICE_TRAIL_ACCOUNT_ALIASES=root:" + awsAccount,
			"SLUICE_TRAIL_S3_ENDPOINT=" + c.s3.Endpoint, "SLUICE_TRAIL_S3_ACCESS_KEY_ID=" + s3server.AccessKeyID,
			"SLUICE_TRAIL_S3_SECRET_ACCESS_KEY=" + s3server.SecretAccessKey, "SLUICE_TRAIL_FILE_INTERVAL=1s", "SLUICE_TRAIL_DIGEST_INTERVAL=2s",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	c.env = append(environ(s), "AWS_ENDPOINT_URL_CLOUDTRAIL=http://"+s.Addr, "AWS_ENDPOINT_URL_S3="+c.s3.Endpoint, "AWS_DEFAULT_REGION="+awsRegion,
		"AWS_ACCESS_KEY_ID="+s3server.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+s3server.SecretAccessKey, "AWS_PAGER=", "AWS_CONFIG_FILE="+os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_MAX_ATTEMPTS=1")
	return c
}

// run runs aws cloudtrail with arguments.
func (c *awsCLI) run(args ...string) (string, error) {
	cmd := exec.CommandContext(c.Context(), c.program, append([]string{"cloudtrail"}, args...)...)
	cmd.Env = c.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// works runs a command, reads what it printed into v unless that is nil, and records that it works.
func (c *awsCLI) works(v any, args ...string) {
	c.Helper()
	out, err := c.run(args...)
	if err != nil {
		c.Fatalf("aws cloudtrail %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	if v != nil {
		if err := json.Unmarshal([]byte(out), v); err != nil {
			c.Fatalf("aws cloudtrail %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	c.worked(args[0])
}

func (c *awsCLI) worked(operation string) {
	record(c.T, results.Row{Client: "AWS CLI", Version: cliVersion, Operation: "cloudtrail " + operation, State: results.Works})
}

// validate runs validate-logs over everything since start, and says whether it found everything valid.
func (c *awsCLI) validate(arn string, start time.Time) (out string, valid bool) {
	c.Helper()
	out, err := c.run("validate-logs", "--trail-arn", arn, "--start-time", start.UTC().Format(time.RFC3339), "--verbose")
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		c.Fatalf("validate-logs: %v\n%s", err, out)
	}
	return out, err == nil
}

// objects are the files of the bucket's objects that have a text in their names, sorted.
func (c *awsCLI) objects(with string) (names []string) {
	err := filepath.WalkDir(filepath.Join(c.s3.Root, awsBucket), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(path, with) && strings.HasSuffix(path, ".json.gz") {
			names = append(names, path)
		}
		if errors.Is(err, fs.ErrNotExist) { // one that was being written
			return nil
		}
		return err
	})
	if err != nil {
		c.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// changed lets fn change an object, looks what the validator says, and puts it back.
func (c *awsCLI) changed(what, name, arn string, start time.Time, says string, fn func() error) {
	c.Helper()
	body, err := os.ReadFile(name)
	if err != nil {
		c.Fatal(err)
	}
	keep := name + ".kept"
	if err := os.Link(name, keep); err != nil { // with its metadata, which is in attributes of the file
		c.Fatal(err)
	}
	if err := fn(); err != nil {
		c.Fatal(err)
	}
	out, valid := c.validate(arn, start)
	if valid || !strings.Contains(out, says) {
		c.Errorf("%s: the validator says valid: %v, want %q in\n%s", what, valid, says, out)
	}
	_ = os.Remove(name)
	if err := errors.Join(os.WriteFile(keep, body, 0o600), os.Rename(keep, name)); err != nil {
		c.Fatal(err)
	}
}

// rewrite changes one letter of what is compressed in a file.
func rewrite(name string, from, to string) error {
	body, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	if !bytes.Contains(text, []byte(from)) {
		return errors.New("there is nothing to change in " + name)
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(bytes.Replace(text, []byte(from), []byte(to), 1))
	_ = w.Close()
	return os.WriteFile(name, b.Bytes(), 0o600)
}

func TestAWS(t *testing.T) {
	c := newAWSCLI(t)
	start := time.Now().Add(-time.Minute)
	var made struct{ TrailARN string }
	c.works(&made, "create-trail", "--name", "main", "--s3-bucket-name", awsBucket, "--s3-key-prefix", "pfx/a", "--enable-log-file-validation", "--tags-list", "Key=team,Value=security")
	c.works(nil, "start-logging", "--name", "main")
	c.works(nil, "put-event-selectors", "--trail-name", "main", "--event-selectors", `[{"ReadWriteType":"All","IncludeManagementEvents":true}]`)
	c.works(nil, "get-event-selectors", "--trail-name", "main")
	c.works(nil, "update-trail", "--name", "main", "--is-multi-region-trail")
	var described struct {
		TrailList []struct{ Name, HomeRegion string }
	}
	c.works(&described, "describe-trails")
	if len(described.TrailList) != 1 || described.TrailList[0].HomeRegion != awsRegion {
		t.Errorf("describe-trails: %+v", described)
	}
	c.works(nil, "get-trail", "--name", made.TrailARN)
	c.works(nil, "list-trails")
	c.works(nil, "add-tags", "--resource-id", made.TrailARN, "--tags-list", "Key=a,Value=b")
	c.works(nil, "list-tags", "--resource-id-list", made.TrailARN)
	c.works(nil, "remove-tags", "--resource-id", made.TrailARN, "--tags-list", "Key=a")
	var found struct{ Events []struct{ EventName string } }
	c.works(&found, "lookup-events", "--lookup-attributes", "AttributeKey=EventName,AttributeValue=StartLogging", "--max-items", "5")
	if len(found.Events) != 1 || found.Events[0].EventName != "StartLogging" {
		t.Errorf("lookup-events: %+v", found)
	}

	for deadline := time.Now().Add(2 * time.Minute); len(c.objects("CloudTrail-Digest")) < 4; {
		if time.Now().After(deadline) {
			t.Fatalf("digests: %q", c.objects("CloudTrail-Digest"))
		}
	}
	var status struct {
		IsLogging          bool
		LatestDeliveryTime float64
	}
	c.works(&status, "get-trail-status", "--name", "main")
	if !status.IsLogging || status.LatestDeliveryTime == 0 {
		t.Errorf("get-trail-status: %+v", status)
	}
	c.works(nil, "list-public-keys", "--start-time", start.UTC().Format(time.RFC3339))
	c.checkValidation(made.TrailARN, start)
	c.works(nil, "stop-logging", "--name", "main")
	c.works(nil, "delete-trail", "--name", "main")
}

// checkValidation has the validator look at the bucket as it is, and then as it would be if somebody had changed it.
func (c *awsCLI) checkValidation(arn string, start time.Time) {
	if out, valid := c.validate(arn, start); !valid || !strings.Contains(out, "log files valid") || strings.Contains(out, "INVALID") {
		c.Fatalf("the validator does not take the bucket:\n%s", out)
	}
	c.worked("validate-logs")
	logs, digests := c.objects("/CloudTrail/"+awsRegion), c.objects("CloudTrail-Digest")
	log, digest, middle := logs[0], digests[1], digests[len(digests)-2]
	c.changed("a log with another event", log, arn, start, "hash value doesn't match", func() error { return rewrite(log, "eventName", "eventnAme") })
	c.changed("a log that is gone", log, arn, start, "not found", func() error { return os.Remove(log) })
	c.changed("a digest of another content", digest, arn, start, "INVALID", func() error { return rewrite(digest, "awsAccountId", "awsaccountId") })
	c.changed("a digest that is gone", middle, arn, start, "INVALID", func() error { return os.Remove(middle) })
	if out, valid := c.validate(arn, start); !valid {
		c.Errorf("after everything was put back the validator says\n%s", out)
	}
}
