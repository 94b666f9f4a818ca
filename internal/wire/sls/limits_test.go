package sls_test

import (
	"fmt"
	"testing"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
)

// What has a limit is made up to it, one more is refused with the code that clients know, and there is room again for what goes.
func TestLimits(t *testing.T) {
	env := testenv.Start(t, func(c *config.Config) {
		c.Limits.ProjectsPerAccount, c.Limits.LogstoresPerProject, c.Limits.ShardsPerProject, c.Limits.DocumentsPerKind = 3, 3, 3, 3
	})
	_, tenant := newTenant(t, env, "shop")
	in := func(project, method, target, body string) testenv.Call {
		return testenv.Call{Method: method, Project: project, Target: target, Body: []byte(body), Key: tenant}
	}
	env.OK(t, in("shop-0", "POST", "/", `{"projectName":"shop-0","description":""}`))
	for _, c := range []struct {
		what string
		code string
		has  int // before
		make func(i int) testenv.Call
		drop testenv.Call
	}{
		{"logstores and shards", "ProjectQuotaExceed", 0, func(i int) testenv.Call {
			return in("shop-0", "POST", "/logstores", fmt.Sprintf(`{"logstoreName":"log-%d","ttl":1,"shardCount":1}`, i))
		}, in("shop-0", "DELETE", "/logstores/log-0", "")},
		{"consumer groups", "ConsumerGroupQuotaExceed", 0, func(i int) testenv.Call {
			return in("shop-0", "POST", "/logstores/log-1/consumergroups", fmt.Sprintf(`{"consumerGroup":"group-%d","timeout":60,"order":false}`, i))
		}, in("shop-0", "DELETE", "/logstores/log-1/consumergroups/group-0", "")},
		{"machine groups", "ProjectQuotaExceed", 0, func(i int) testenv.Call {
			return in("shop-0", "POST", "/machinegroups", fmt.Sprintf(`{"groupName":"group-%d","machineIdentifyType":"ip","machineList":[]}`, i))
		}, in("shop-0", "DELETE", "/machinegroups/group-0", "")},
		{"saved searches", "ProjectQuotaExceed", 0, func(i int) testenv.Call {
			return in("shop-0", "POST", "/savedsearches", fmt.Sprintf(`{"savedsearchName":"search-%d","searchQuery":"*","logstore":"log-1"}`, i))
		}, in("shop-0", "DELETE", "/savedsearches/search-0", "")},
		{"projects", "ProjectQuotaExceed", 1, func(i int) testenv.Call {
			name := fmt.Sprintf("shop-%d", i)
			return in(name, "POST", "/", `{"projectName":"`+name+`","description":""}`)
		}, in("shop-1", "DELETE", "/", "")},
	} {
		most := 3
		if c.code == "ConsumerGroupQuotaExceed" {
			most = 30
		}
		refused := func(i int) {
			t.Helper()
			if a := env.Do(t, c.make(i)); a.Code != c.code || a.Status != 400 {
				t.Errorf("%s: one more than %d: got %d %s %q, want 400 %s", c.what, most, a.Status, a.Code, a.Message, c.code)
			}
		}
		for i := c.has; i < most; i++ {
			env.OK(t, c.make(i))
		}
		refused(most)
		env.OK(t, c.drop)
		env.OK(t, c.make(most))
		refused(most + 1)
	}
	env.OK(t, testenv.Call{Method: "POST", Project: "root-0", Target: "/", Body: []byte(`{"projectName":"root-0","description":""}`)})
}
