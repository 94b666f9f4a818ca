package aws_test

import (
	"testing"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
)

// Keys are held to what they may take of the server, by a code that clients wait on.
func TestKeyLimits(t *testing.T) {
	env := testenv.Start(t, func(c *config.Config) { c.Quota.KeyReadBytes = 1 }) // an answer takes minutes to pay
	key := newUser(t, env, "reader", "cloudtrail:*", "*")
	a := answer{status: 200}
	for a.status == 200 { // what an answer took is counted when it has left
		a = do(t, env, call{operation: "DescribeTrails", key: key})
	}
	if a.code != "ThrottlingException" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	for range 20 {
		if a := do(t, env, call{operation: "DescribeTrails", key: &testenv.RootKey}); a.status != 200 {
			t.Fatalf("root: got %d %s", a.status, a.body)
		}
	}
}
