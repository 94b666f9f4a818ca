package pop_test

import (
	"net/url"
	"testing"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
)

// What a key may take of the server it takes in every dialect; the answer is one on which clients wait. Root is not held.
func TestKeyLimits(t *testing.T) {
	env := testenv.Start(t, func(c *config.Config) { c.Quota.KeyReadBytes = 1 }) // an answer takes minutes to pay
	admin := newUser(t, env, &testenv.RootKey, "admin", "AdministratorAccess")
	other := newUser(t, env, &testenv.RootKey, "other", "AdministratorAccess")
	a := answer{}
	for a.Code == "" { // what an answer took is counted when it has left
		a = call(t, env, admin, ramAPI, "ListUsers", url.Values{})
	}
	if a.status != 400 || a.Code != "Throttling.User" {
		t.Errorf("got %d %s", a.status, a.Code)
	}
	if a := env.Do(t, testenv.Call{Target: "/", Key: admin}); a.Code != "ReadQuotaExceed" {
		t.Errorf("in another dialect: got %d %s", a.Status, a.Code)
	}
	rpc(t, env, other, ramAPI, "ListUsers", nil)
	for range 20 {
		rpc(t, env, &testenv.RootKey, ramAPI, "ListUsers", nil)
	}
}
