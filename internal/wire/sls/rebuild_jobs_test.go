package sls_test

import (
	"fmt"
	"testing"

	"github.com/sluicelog/sluice/internal/testenv"
)

// rebuildJob is a job as clients see it.
type rebuildJob struct {
	Name, Status     string
	Configuration    map[string]any
	ExecutionDetails map[string]any
}

func job(t *testing.T, env *testenv.Env, name string) (j rebuildJob) {
	t.Helper()
	env.JSON(t, testenv.Call{Method: "GET", Project: "web", Target: "/jobs/" + name}, &j)
	return j
}

func makeRebuild(name, logstore string) testenv.Call {
	return testenv.Call{Method: "POST", Project: "web", Target: "/jobs", Body: fmt.Appendf(nil,
		`{"name":%q,"displayName":"d","type":"RebuildIndex","configuration":{"logstore":%q,"fromTime":1,"toTime":2}}`, name, logstore)}
}

// finished waits until a job runs no more: each look at it takes a round of the indexer at most.
func finished(t *testing.T, env *testenv.Env, name string) rebuildJob {
	t.Helper()
	for {
		if j := job(t, env, name); j.Status != "RUNNING" {
			return j
		}
	}
}

// A job rebuilds the index, tells how it does, and goes on telling after another rebuild began.
func TestRebuildJob(t *testing.T) {
	env, _ := searchable(t)
	env.OK(t, makeRebuild("first", "access"))
	first := finished(t, env, "first")
	if first.Status != "SUCCEEDED" || first.Configuration["logstore"] != "access" || first.ExecutionDetails["segmentsFailed"] != 0. {
		t.Errorf("got %+v", first)
	}
	env.OK(t, testenv.Call{Method: "PUT", Project: "web", Target: "/logstores/access/index", Body: []byte(`{"line":{"token":[" "]}}`)})
	env.OK(t, makeRebuild("second", "access"))
	if second := finished(t, env, "second"); second.Status != "SUCCEEDED" {
		t.Errorf("got %+v", second)
	}
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/sluice/v1/logstores/access/index/rebuild", Body: []byte(`{"all":true}`)})
	for _, name := range []string{"first", "second"} {
		if j := job(t, env, name); j.Status != "SUCCEEDED" {
			t.Errorf("%s, after a rebuild that is no job: got %+v", name, j)
		}
	}
	var list struct {
		Total   int
		Results []map[string]any
	}
	env.JSON(t, testenv.Call{Method: "GET", Project: "web", Target: "/jobs?jobType=RebuildIndex&logstore=access"}, &list)
	if list.Total != 2 || list.Results[0]["status"] != "SUCCEEDED" || list.Results[0]["rebuildBegan"] != nil {
		t.Errorf("got %+v", list)
	}
	env.OK(t, testenv.Call{Method: "DELETE", Project: "web", Target: "/jobs/first"})
	if a := env.Do(t, testenv.Call{Method: "GET", Project: "web", Target: "/jobs/first"}); a.Code != "JobNotExist" {
		t.Errorf("got %d %s", a.Status, a.Code)
	}
}

// What cannot be rebuilt leaves no job, and a job is not changed into another.
func TestRebuildJobsRefuse(t *testing.T) {
	env, _ := searchable(t)
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"plain","ttl":1,"shardCount":1}`)})
	env.OK(t, makeRebuild("done", "access"))
	finished(t, env, "done")
	for _, c := range []struct {
		what string
		call testenv.Call
		code string
	}{
		{"no logstore", makeRebuild("a1", "none"), "LogStoreNotExist"},
		{"no index", makeRebuild("a1", "plain"), "IndexConfigNotExist"},
		{"no logstore said", makeRebuild("a1", ""), "ParameterInvalid"},
		{"taken", makeRebuild("done", "access"), "JobAlreadyExist"},
		{"nothing of them is left", testenv.Call{Method: "GET", Target: "/jobs/a1"}, "JobNotExist"},
		{"stopped twice", testenv.Call{Method: "PUT", Target: "/jobs/done?action=STOP"}, "ParameterInvalid"},
		{"started", testenv.Call{Method: "PUT", Target: "/jobs/done?action=START"}, "ParameterInvalid"},
		{"changed", testenv.Call{Method: "PUT", Target: "/jobs/done", Body: makeRebuild("done", "plain").Body}, "ParameterInvalid"},
		{"a range that ends before it begins", testenv.Call{Method: "POST", Target: "/jobs", Body: []byte(
			`{"name":"a1","type":"RebuildIndex","configuration":{"logstore":"access","fromTime":3,"toTime":2}}`)}, "ParameterInvalid"},
		{"times that are none", testenv.Call{Method: "POST", Target: "/jobs", Body: []byte(
			`{"name":"a1","type":"RebuildIndex","configuration":{"logstore":"access","fromTime":"yesterday"}}`)}, "ParameterInvalid"},
	} {
		c.call.Project = "web"
		if a := env.Do(t, c.call); a.Code != c.code {
			t.Errorf("%s: got %d %s %q, want %s", c.what, a.Status, a.Code, a.Message, c.code)
		}
	}
}
