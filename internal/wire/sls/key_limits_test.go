package sls_test

import (
	"fmt"
	"testing"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
)

// A key is held to the configured limits, or to its own; others, and root, are not held for it. The answer is the one on which clients
// wait.
func TestKeyLimits(t *testing.T) {
	env := testenv.Start(t, func(c *config.Config) {
		c.Quota.KeyReadRequests, c.Quota.KeyWriteBytes = 2, 100
		c.Quota.AddressRequests = 1
	})
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/", Body: []byte(`{"projectName":"web"}`)})
	env.OK(t, testenv.Call{
		Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"app","ttl":1,"shardCount":1,"enable_tracking":true}`),
	})
	newKey := func() *testenv.Key {
		var key struct{ AccessKeyID, AccessKeySecret string }
		env.JSON(t, testenv.Call{Method: "POST", Target: "/sluice/v1/keys", Body: []byte(`{}`)}, &key)
		return &testenv.Key{ID: key.AccessKeyID, Secret: key.AccessKeySecret}
	}
	// refused sends a call until it is refused, at most often enough that a second's worth is used up.
	refused := func(c testenv.Call, code string) {
		t.Helper()
		for range 50 {
			if a := env.Do(t, c); a.Status != 200 {
				if a.Status != 403 || a.Code != code {
					t.Errorf("%s %s: got %d %s, want 403 %s", c.Method, c.Target, a.Status, a.Code, code)
				}
				return
			}
		}
		t.Errorf("%s %s: never refused", c.Method, c.Target)
	}
	write := func(key *testenv.Key) testenv.Call {
		return testenv.Call{
			Method: "POST", Project: "web", Target: "/logstores/app/shards/lb", Key: key, Header: map[string]string{"Content-Type": "application/json"},
			Body: []byte(`{"__logs__":[{"a":"` + fmt.Sprintf("%0300d", 7) + `"}]}`),
		}
	}
	read := func(key *testenv.Key) testenv.Call {
		return testenv.Call{Project: "web", Target: "/logstores/app/shards", Key: key}
	}
	first, second := newKey(), newKey()
	refused(write(first), "WriteQuotaExceed")
	refused(read(first), "ReadQuotaExceed")
	env.OK(t, write(second))
	env.OK(t, read(second))
	for range 20 {
		env.OK(t, read(nil)) // root
	}

	limits := "/sluice/v1/keys/" + second.ID + "/limits"
	var got struct {
		Own                     bool
		WriteBytes, ReadRequest int64
	}
	env.JSON(t, testenv.Call{Target: limits}, &got)
	if got.Own || got.WriteBytes != 100 {
		t.Errorf("limits before: %+v", got)
	}
	env.OK(t, testenv.Call{Method: "PUT", Target: limits, Body: []byte(`{"writeRequests":"1"}`)})
	for range 20 {
		env.OK(t, read(second))
	}
	refused(write(second), "WriteQuotaExceed")
	env.OK(t, testenv.Call{Method: "DELETE", Target: limits})
	env.JSON(t, testenv.Call{Target: limits}, &got)
	if got.Own {
		t.Errorf("limits after: %+v", got)
	}
	for _, c := range []testenv.Call{
		{Method: "PUT", Target: limits, Body: []byte(`{"writeRequests":-1}`)},
		{Method: "PUT", Target: limits, Body: []byte(`[]`)},
	} {
		if a := env.Do(t, c); a.Code != "ParameterInvalid" {
			t.Errorf("%s: got %d %s", c.Body, a.Status, a.Code)
		}
	}
	if a := env.Do(t, testenv.Call{Target: "/sluice/v1/keys/nobody/limits"}); a.Code != "AccessKeyNotExist" {
		t.Errorf("limits of nobody: got %d %s", a.Status, a.Code)
	}

	refused(testenv.Call{Project: "web", Target: "/logstores/app/track?APIVersion=0.6.0&a=1", Unsigned: true}, "WriteQuotaExceed")
}
