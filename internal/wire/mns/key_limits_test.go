package mns_test

import (
	"testing"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
)

// Keys are held to what they may take of the server, by a code that clients wait on.
func TestKeyLimits(t *testing.T) {
	env := testenv.Start(t, func(c *config.Config) { c.Quota.KeyReadBytes = 1 }) // an answer takes minutes to pay
	var made struct{ AccessKeyID, AccessKeySecret string }
	env.JSON(t, testenv.Call{Method: "POST", Target: "/sluice/v1/keys", Body: []byte(`{}`)}, &made)
	key := &testenv.Key{ID: made.AccessKeyID, Secret: made.AccessKeySecret}
	a := answer{status: 200}
	for a.status == 200 { // what an answer took is counted when it has left
		a = call(t, env, key, "GET", "/queues", "")
	}
	if a.status != 503 || a.Code != "QpsLimitExceeded" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	for range 20 {
		if a := call(t, env, &testenv.RootKey, "GET", "/queues", ""); a.status != 200 {
			t.Fatalf("root: got %d %s", a.status, a.body)
		}
	}
}
