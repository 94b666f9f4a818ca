package delivery_test

import (
	"strings"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery"
)

// With a list, the operator's key is for the projects and buckets in it and for no others; without one, for all.
func TestOSSRoleIsForSome(t *testing.T) {
	role := delivery.OSSRole{Region: "cn-hangzhou", AccessKeyID: "id", AccessKeySecret: "secret"}
	fill := func(project, bucket string) error { return role.Fill(project, map[string]any{"bucket": bucket}) }
	if err := fill("anyone", "anything"); err != nil {
		t.Errorf("without a list: %v", err)
	}
	role.Buckets = []delivery.OSSBuckets{{Project: "shop-*", Bucket: "shop-logs"}, {Project: "ops", Bucket: "*"}, {Project: "web", Bucket: "web-*"}}
	for _, c := range []struct {
		project, bucket string
		ok              bool
	}{
		{"shop-1", "shop-logs", true},
		{"shop-1", "shop-logs-2", false},
		{"shop", "shop-logs", false},
		{"ops", "anything", true},
		{"ops-2", "anything", false},
		{"web", "web-1", true},
		{"web", "web-1/../shop-logs", false},
		{"web", "", false},
		{"other", "shop-logs", false},
		{"", "shop-logs", false},
	} {
		err := fill(c.project, c.bucket)
		if (err == nil) != c.ok {
			t.Errorf("%q to %q: %v", c.project, c.bucket, err)
		}
		if !c.ok && (sluice.KindOf(err) != sluice.Unauthorized || !strings.Contains(err.Error(), "delivery.oss_buckets")) {
			t.Errorf("%q to %q: %v does not say what to do", c.project, c.bucket, err)
		}
	}
}
