package script_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/test/s3server"
)

// The page about imports, on a real S3 server that holds the event of ECS that documentation shows.
func TestImportPage(t *testing.T) {
	bucket := s3server.Start(t)
	bucket.Bucket(t, "trail")
	text, err := os.ReadFile(root + "/internal/trail/importer/testdata/ecs.json")
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	z := gzip.NewWriter(&file)
	_, err = z.Write(text)
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	at := bucket.File("trail", "AWSLogs/123456789012/CloudTrail/us-east-1/2018/06/20/123456789012_CloudTrail_us-east-1_20180620T1910Z_abcdefgh12345678.json.gz")
	if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, file.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	server := testenv.Start(t, func(c *config.Config) { c.Delivery.AllowNetworks = "127.0.0.0/8" })
	script := strings.NewReplacer("http://s3.lab.example:9000", bucket.Endpoint, "lab-key", s3server.AccessKeyID, "lab-secret", s3server.SecretAccessKey).
		Replace(scriptOf(t, "docs/howto/import-cloudtrail.md", "s3"))
	out := runPageOn(t, server, script, false)
	for _, want := range []string{"import aws created", "1 record\n", "up to date", `"eventName":"CreateCluster"`, `"calls":"1"`} {
		if !strings.Contains(out, want) {
			t.Errorf("the output does not show %q:\n%s", want, out)
		}
	}
}

// Where only the server could connect, an import is refused; and so is a key that the bucket does not take.
func TestImportIsRefused(t *testing.T) {
	s := newShell(t)
	s.ok("", "project", "create", "audit")
	cmd := s.command("import", "cloudtrail", "create", "audit/aws", "--bucket", "trail", "--bucket-endpoint", "http://169.254.169.254", "--key-id", "k")
	cmd.Env = append(cmd.Env, "AWS_SECRET_ACCESS_KEY=secret-of-the-bucket")
	out, err := cmd.CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("dial refused")) || bytes.Contains(out, []byte("secret-of-the-bucket")) {
		t.Errorf("%v: %s", err, out)
	}
}
