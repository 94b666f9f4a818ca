package pop_test

import (
	"net/url"
	"testing"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
)

// What a key may take of the server it takes in every dialect; the answer is one on which clients wait. Root is not held.
func TestKeyLimits(t *testing.T) {
	env := testenv.Start(t, func(c *config.Config) { c.Quota.KeyReadRequests, c.Quota.KeyWriteRequests = 2, 2 })
	admin := newUser(t, env, &testenv.RootKey, "admin", "AdministratorAccess")
	other := newUser(t, env, &testenv.RootKey, "other", "AdministratorAccess")
	refused := func(key *testenv.Key, version, action string, p url.Values) {
		t.Helper()
		for range 100 {
			if a := call(t, env, key, version, action, p); a.Code != "" {
				if a.status != 400 || a.Code != "Throttling.User" {
					t.Errorf("%s: got %d %s", action, a.status, a.Code)
				}
				return
			}
		}
		t.Errorf("%s: never refused", action)
	}
	refused(admin, ramAPI, "ListUsers", url.Values{})
	refused(admin, ramAPI, "UpdateUser", url.Values{"UserName": {"admin"}})
	for _, key := range []*testenv.Key{other, &testenv.RootKey} {
		rpc(t, env, key, ramAPI, "ListUsers", nil)
	}
	for range 20 {
		rpc(t, env, &testenv.RootKey, ramAPI, "ListUsers", nil)
	}
	if a := env.Do(t, testenv.Call{Target: "/", Key: other}); a.Status != 200 {
		t.Errorf("the second of two reads: got %d %s", a.Status, a.Code)
	}
}
