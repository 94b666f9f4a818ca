package s3server_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sluicelog/sluice/test/s3server"
)

func client(s *s3server.Server, virtual bool) *s3.Client {
	o := s3.Options{
		Region: s3server.Region, UsePathStyle: !virtual, BaseEndpoint: aws.String(s.Endpoint), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(s3server.AccessKeyID, s3server.SecretAccessKey, ""),
	}
	if virtual {
		o.BaseEndpoint, o.HTTPClient = aws.String("http://"+s3server.Domain), s.Client()
	}
	return s3.New(o)
}

// TestServer puts an object over each form of address, finds it in its file, and loses the server during an outage only.
func TestServer(t *testing.T) {
	s := s3server.Start(t)
	s.Bucket(t, "logs")
	for name, virtual := range map[string]bool{"path/style": false, "virtual/host": true} {
		put := func(c *s3.Client) error {
			_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: aws.String("logs"), Key: aws.String(name), Body: bytes.NewReader([]byte(name)),
			})
			return err
		}
		c := client(s, virtual)
		if err := put(c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := os.ReadFile(s.File("logs", name))
		if err != nil || string(got) != name {
			t.Errorf("the file of %s holds %q, %v", name, got, err)
		}
		s.Cut()
		if err := put(c); err == nil {
			t.Errorf("%s: a put reached a server that is cut off", name)
		}
		s.Mend()
		if err := put(c); err != nil {
			t.Errorf("%s: after the outage: %v", name, err)
		}
	}
}
