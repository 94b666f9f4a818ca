package sdk

import (
	"slices"
	"strings"
	"testing"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"

	"github.com/sluicelog/sluice/internal/testenv"
)

// Projects, logstores, indexes and consumer groups live and die on every way to the server.
func TestLifeOfThings(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			c := w.client(testenv.RootID, testenv.RootSecret, "")
			project := newProject(t, c)
			lifeOfProject(t, c, project)
			lifeOfLogstore(t, c, project)
			lifeOfIndex(t, c, project)
			lifeOfConsumerGroup(t, c, project)
			if err := c.DeleteProject(project); err != nil {
				t.Error(err)
			}
			if ok, err := c.CheckProjectExist(project); ok || err != nil {
				t.Errorf("deleted project exists: %v, %v", ok, err)
			}
		})
	}
}

func lifeOfProject(t *testing.T, c sls.ClientInterface, project string) {
	t.Helper()
	if _, err := c.CreateProject(project, ""); err == nil {
		t.Error("a project was created twice")
	} else {
		wantCode(t, "create again", err, "ProjectAlreadyExist")
	}
	if _, err := c.UpdateProject(project, "another description"); err != nil {
		t.Error(err)
	}
	p, err := c.GetProject(project)
	if err != nil || p.Name != project || p.Description != "another description" {
		t.Errorf("get project: got %+v, %v", p, err)
	}
	names, err := c.ListProject()
	if err != nil || !slices.Contains(names, project) {
		t.Errorf("list projects: got %q, %v", names, err)
	}
	if ok, err := c.CheckProjectExist("nothing-here"); ok || err != nil {
		t.Errorf("a project that was never made: got %v, %v", ok, err)
	}
}

func lifeOfLogstore(t *testing.T, c sls.ClientInterface, project string) {
	t.Helper()
	if err := c.CreateLogStore(project, "store", 30, 2, true, 8); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "create again", c.CreateLogStore(project, "store", 30, 2, true, 8), "LogStoreAlreadyExist")
	wantCode(t, "bad name", c.CreateLogStore(project, "Bad_", 30, 2, true, 8), "LogStoreInfoInvalid")
	if err := c.UpdateLogStore(project, "store", 5, 2); err != nil {
		t.Error(err)
	}
	l, err := c.GetLogStore(project, "store")
	if err != nil || l.TTL != 5 || l.ShardCount != 2 || l.CreateTime == 0 {
		t.Errorf("get logstore: got %+v, %v", l, err)
	}
	names, err := c.ListLogStore(project)
	if err != nil || !slices.Equal(names, []string{"store"}) {
		t.Errorf("list logstores: got %q, %v", names, err)
	}
	if _, err := c.GetLogStore(project, "none"); err != nil {
		wantCode(t, "missing logstore", err, "LogStoreNotExist")
	} else {
		t.Error("got a logstore that does not exist")
	}
	if err := c.CreateLogStore(project, "gone", 1, 1, false, 0); err != nil {
		t.Error(err)
	}
	if err := c.DeleteLogStore(project, "gone"); err != nil {
		t.Error(err)
	}
	if ok, err := c.CheckLogstoreExist(project, "gone"); ok || err != nil {
		t.Errorf("deleted logstore exists: %v, %v", ok, err)
	}
}

func lifeOfIndex(t *testing.T, c sls.ClientInterface, project string) {
	t.Helper()
	if _, err := c.GetIndex(project, "store"); err != nil {
		wantCode(t, "missing index", err, "IndexConfigNotExist")
	} else {
		t.Error("got an index that does not exist")
	}
	index := *sls.CreateDefaultIndex()
	index.Keys = map[string]sls.IndexKey{"status": {Type: "long", DocValue: true}}
	if err := c.CreateIndex(project, "store", index); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "create again", c.CreateIndex(project, "store", index), "IndexAlreadyExist")
	index.Keys["url"] = sls.IndexKey{Type: "text", Token: []string{"/"}}
	if err := c.UpdateIndex(project, "store", index); err != nil {
		t.Error(err)
	}
	got, err := c.GetIndex(project, "store")
	if err != nil || len(got.Keys) != 2 || got.Keys["status"].Type != "long" || !slices.Equal(got.Keys["url"].Token, []string{"/"}) {
		t.Errorf("get index: got %+v, %v", got, err)
	}
	if err := c.DeleteIndex(project, "store"); err != nil {
		t.Error(err)
	}
}

func lifeOfConsumerGroup(t *testing.T, c sls.ClientInterface, project string) {
	t.Helper()
	group := sls.ConsumerGroup{ConsumerGroupName: "g", Timeout: 30, InOrder: true}
	if err := c.CreateConsumerGroup(project, "store", group); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "create again", c.CreateConsumerGroup(project, "store", group), "ConsumerGroupAlreadyExist")
	group.Timeout, group.InOrder = 60, false
	if err := c.UpdateConsumerGroup(project, "store", group); err != nil {
		t.Error(err)
	}
	groups, err := c.ListConsumerGroup(project, "store")
	if err != nil || len(groups) != 1 || *groups[0] != group {
		t.Errorf("list consumer groups: got %+v, %v", groups, err)
	}
	shards, err := c.HeartBeat(project, "store", "g", "c", []int{})
	if err != nil || !slices.Equal(shards, []int{0, 1}) {
		t.Errorf("heartbeat: got %v, %v", shards, err)
	}
	cursor, err := c.GetCursor(project, "store", 1, "end")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.UpdateCheckpoint(project, "store", "g", "c", 1, cursor, false); err != nil {
		t.Error(err)
	}
	wantCode(t, "checkpoint of a stranger", c.UpdateCheckpoint(project, "store", "g", "x", 1, cursor, false), "ConsumerNotExist")
	saved, err := c.GetCheckpoint(project, "store", "g")
	if err != nil || len(saved) != 2 || saved[0].CheckPoint != "" || saved[1].CheckPoint != cursor {
		t.Errorf("checkpoints: got %+v, %v", saved, err)
	}
	if err := c.DeleteConsumerGroup(project, "store", "g"); err != nil {
		t.Error(err)
	}
	_, err = c.HeartBeat(project, "store", "g", "c", []int{})
	wantCode(t, "heartbeat of a deleted group", err, "ConsumerGroupNotExist")
}

func TestShards(t *testing.T) {
	c := root()
	project, logstore := newLogstore(t, c, 2)
	merged, err := c.MergeShards(project, logstore, 0)
	if err != nil || len(merged) != 3 || merged[0].ShardID != 2 && merged[2].ShardID != 2 {
		t.Fatalf("merge: got %+v, %v", merged, err)
	}
	split, err := c.SplitShard(project, logstore, 2, "40000000000000000000000000000000")
	if err != nil || len(split) != 3 || split[0].ShardID != 2 || split[0].Status != "readonly" ||
		split[1].ExclusiveBeginKey != "40000000000000000000000000000000" {
		t.Fatalf("split: got %+v, %v", split, err)
	}
	if parts, err := c.SplitNumShard(project, logstore, 4, 3); err != nil || len(parts) != 4 {
		t.Errorf("split in three: got %+v, %v", parts, err)
	}
	shards, err := c.ListShards(project, logstore)
	if err != nil {
		t.Fatal(err)
	}
	var writable []string
	for _, s := range shards {
		if s.Status == "readwrite" {
			writable = append(writable, s.InclusiveBeginKey+"-"+s.ExclusiveBeginKey)
		}
	}
	slices.Sort(writable)
	if len(writable) != 4 || !strings.HasPrefix(writable[0], strings.Repeat("0", 32)) || !strings.HasSuffix(writable[3], strings.Repeat("f", 32)) {
		t.Errorf("read-write shards: got %q", writable)
	}
	_, err = c.SplitShard(project, logstore, 2, "50000000000000000000000000000000")
	wantCode(t, "split of a read-only shard", err, "ParameterInvalid")
}

// What clients are told when they may not.
func TestKeys(t *testing.T) {
	c := root()
	project, logstore := newLogstore(t, c, 1)
	other, _ := newLogstore(t, c, 1)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			unknown := w.client("nobody", "secret", "")
			_, err := unknown.GetLogStore(project, logstore)
			wantCode(t, "unknown key", err, "Unauthorized")
			wrong := w.client(testenv.RootID, "wrong secret", "")
			_, err = wrong.GetLogStore(project, logstore)
			wantCode(t, "wrong secret", err, "SignatureNotMatch")

			id, secret, token := makeKey(t, `{"projects":["`+project+`"],"readOnly":true,"expiresInSeconds":900}`)
			reader := w.client(id, secret, token)
			if _, err := reader.GetLogStore(project, logstore); err != nil {
				t.Errorf("read with a temporary key: %v", err)
			}
			_, err = reader.GetLogStore(other, logstore)
			wantCode(t, "read another project", err, "Unauthorized")
			wantCode(t, "write with a read-only key", reader.PutLogs(project, logstore, logGroup("x")), "Unauthorized")
			_, err = w.client(id, secret, "").GetLogStore(project, logstore)
			wantCode(t, "temporary key without its token", err, "Unauthorized")
		})
	}
}

func makeKey(t *testing.T, body string) (id, secret, token string) {
	t.Helper()
	var key struct{ AccessKeyID, AccessKeySecret, SecurityToken string }
	env.JSON(t, testenv.Call{Method: "POST", Target: "/sluice/v1/keys", Body: []byte(body)}, &key)
	return key.AccessKeyID, key.AccessKeySecret, key.SecurityToken
}

func TestCursorTime(t *testing.T) {
	c := root()
	project, logstore := newLogstore(t, c, 1)
	if err := c.PutLogs(project, logstore, logGroup("x")); err != nil {
		t.Fatal(err)
	}
	begin, err := c.GetCursor(project, logstore, 0, "begin")
	if err != nil {
		t.Fatal(err)
	}
	at, err := c.GetCursorTime(project, logstore, 0, begin)
	if since := time.Since(at); err != nil || since < 0 || since > time.Minute {
		t.Errorf("cursor time: got %v, %v", at, err)
	}
}
