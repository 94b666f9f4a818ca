import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alibaba.fastjson.JSONObject;
import com.aliyun.openservices.log.Client;
import com.aliyun.openservices.log.LogService;
import com.aliyun.openservices.log.common.Consts.CompressType;
import com.aliyun.openservices.log.common.Consts.CursorMode;
import com.aliyun.openservices.log.common.ConsumerGroup;
import com.aliyun.openservices.log.common.DeleteLogStoreLogsTask;
import com.aliyun.openservices.log.common.FastLogGroup;
import com.aliyun.openservices.log.common.Histogram;
import com.aliyun.openservices.log.common.LogItem;
import com.aliyun.openservices.log.common.LogStore;
import com.aliyun.openservices.log.common.QueriedLog;
import com.aliyun.openservices.log.common.Shard;
import com.aliyun.openservices.log.common.TagContent;
import com.aliyun.openservices.log.exception.LogException;
import com.aliyun.openservices.log.http.signer.SignVersion;
import com.aliyun.openservices.log.request.DeleteLogStoreLogsRequest;
import com.aliyun.openservices.log.request.GetDeleteLogStoreLogsTaskRequest;
import com.aliyun.openservices.log.request.ListDeleteLogStoreLogsTasksRequest;
import com.aliyun.openservices.log.request.PutLogsRequest;
import com.aliyun.openservices.log.request.UpdateLogStoreRequest;
import com.aliyun.openservices.log.request.UpdateProjectRequest;
import com.aliyun.openservices.log.response.BatchGetLogResponse;
import com.aliyun.openservices.log.response.ConsumerGroupCheckPointResponse;
import com.aliyun.openservices.log.response.GetLogsResponse;
import com.aliyun.openservices.log.response.ListDeleteLogStoreLogsTasksResponse;
import com.aliyun.openservices.log.response.ListProjectResponse;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The Java SDK: projects, logstores, shards, indexes, writing, reading, consumer groups and queries. */
@ExtendWith(Recorder.class)
class SdkTest {
  private static final String PROJECT = "java-sdk";
  private final LogService client = Recorder.watch(Server.client());

  @BeforeEach
  void make() throws LogException {
    Server.make(client, PROJECT);
  }

  @AfterEach
  void delete() throws LogException {
    client.DeleteProject(PROJECT);
  }

  private static void fails(String code, org.junit.jupiter.api.function.Executable call) {
    LogException e = assertThrows(LogException.class, call);
    assertEquals(code, e.GetErrorCode());
    assertFalse(e.GetRequestId().isEmpty());
  }

  @Test
  void project() throws LogException {
    assertEquals("of a test", client.GetProject(PROJECT).GetProjectDescription());
    client.updateProject(new UpdateProjectRequest(PROJECT, "changed"));
    assertEquals("changed", client.GetProject(PROJECT).GetProjectDescription());
    ListProjectResponse listed = client.ListProject(PROJECT, 0, 10);
    assertEquals(1, listed.getTotal());
    assertEquals(PROJECT, listed.getProjects().get(0).getProjectName());
    fails("ProjectAlreadyExist", () -> client.CreateProject(PROJECT, ""));
    fails("ProjectNotExist", () -> client.GetProject("java-nobody"));
  }

  @ParameterizedTest
  @EnumSource(SignVersion.class)
  void signatures(SignVersion version) throws LogException {
    Client proxied = Server.proxied(version);
    assertEquals("of a test", proxied.GetProject(PROJECT).GetProjectDescription());
    put(proxied, "signed", CompressType.LZ4);
    assertEquals(List.of("signed"), Server.values(Server.pull(proxied, PROJECT, "store"), "text"));
    Recorder.works("Java SDK", Client.class, "signature " + version + " through a proxy");
  }

  @Test
  void wrongSecret() {
    fails("SignatureNotMatch", () -> new Client("http://" + Server.DOMAIN, Server.KEY, "wrong").GetProject(PROJECT));
    fails("Unauthorized", () -> new Client("http://" + Server.DOMAIN, "nobody", Server.SECRET).GetProject(PROJECT));
  }

  @Test
  void logstore() throws LogException {
    LogStore web = new LogStore("web", 10, 3, true);
    web.setAppendMeta(true);
    web.setmAutoSplit(true);
    web.setmMaxSplitShard(8);
    client.CreateLogStore(PROJECT, web);
    LogStore got = client.GetLogStore(PROJECT, "web").GetLogStore();
    assertEquals(List.of(10, 3, true, true, 8), List.of(got.GetTtl(), got.GetShardCount(), got.isEnableWebTracking(), got.isAppendMeta(), got.getmMaxSplitShard()));
    got.SetTtl(20);
    client.UpdateLogStore(PROJECT, got);
    assertEquals(20, client.GetLogStore(PROJECT, "web").GetLogStore().GetTtl());
    assertEquals(List.of("store", "web"), client.ListLogStores(PROJECT, 0, 10, "").GetLogStores());
    fails("LogStoreAlreadyExist", () -> client.CreateLogStore(PROJECT, web));
    client.DeleteLogStore(PROJECT, "web");
    fails("LogStoreNotExist", () -> client.GetLogStore(PROJECT, "web"));
  }

  @Test
  void shards() throws LogException {
    client.MergeShards(PROJECT, "store", 0);
    client.SplitShard(PROJECT, "store", 2, "40000000000000000000000000000000");
    List<String> states = new ArrayList<>();
    for (Shard shard : client.ListShard(PROJECT, "store").GetShards()) {
      states.add(shard.getShardId() + " " + shard.getStatus());
    }
    assertEquals(List.of("0 readonly", "1 readonly", "2 readonly", "3 readwrite", "4 readwrite"), states);
  }

  private void put(LogService through, String text, CompressType compression) throws LogException {
    LogItem log = new LogItem((int) (System.currentTimeMillis() / 1000));
    log.SetTimeNsPart(7);
    log.PushBack("text", text);
    log.PushBack("snowman", "\u2603");
    PutLogsRequest request = new PutLogsRequest(PROJECT, "store", "topic", "10.0.0.1", Collections.singletonList(log), "00");
    request.SetTags(Collections.singletonList(new TagContent("rack", "7")));
    request.SetCompressType(compression);
    through.PutLogs(request);
  }

  @ParameterizedTest
  @EnumSource(CompressType.class)
  void oneRequestIsOneGroup(CompressType compression) throws LogException {
    put(client, "hello", compression);
    List<FastLogGroup> groups = Server.pull(client, PROJECT, "store");
    assertEquals(1, groups.size());
    FastLogGroup group = groups.get(0);
    assertEquals("topic 10.0.0.1", group.getTopic() + " " + group.getSource());
    assertEquals("rack", group.getLogTags(0).getKey());
    assertEquals(7, group.getLogs(0).getTimeNsPart());
    assertEquals(List.of("\u2603"), Server.values(groups, "snowman"));
  }

  @Test
  void cursors() throws LogException {
    put(client, "first", CompressType.LZ4);
    put(client, "second", CompressType.LZ4);
    String begin = client.GetCursor(PROJECT, "store", 0, CursorMode.BEGIN).GetCursor();
    String end = client.GetCursor(PROJECT, "store", 0, CursorMode.END).GetCursor();
    assertEquals(begin, client.GetCursor(PROJECT, "store", 0, 1L).GetCursor());
    int time = client.GetCursorTime(PROJECT, "store", 0, begin).GetCursorTime();
    assertTrue(Math.abs(System.currentTimeMillis() / 1000 - time) < 60, "received at " + time);
    BatchGetLogResponse both = client.BatchGetLog(PROJECT, "store", 0, 100, begin, end);
    assertEquals(2, both.GetCount());
    assertEquals(end, both.GetNextCursor());
    fails("ShardNotExist", () -> client.GetCursor(PROJECT, "store", 9, CursorMode.BEGIN));
  }

  @Test
  void consumerGroup() throws LogException {
    client.CreateConsumerGroup(PROJECT, "store", new ConsumerGroup("group", 60, false));
    client.UpdateConsumerGroup(PROJECT, "store", "group", true, 30);
    ConsumerGroup group = client.ListConsumerGroup(PROJECT, "store").GetConsumerGroups().get(0);
    assertEquals(List.of("group", 30, true), List.of(group.getConsumerGroupName(), group.getTimeout(), group.isInOrder()));
    assertEquals(List.of(0, 1), client.HeartBeat(PROJECT, "store", "group", "a", new ArrayList<>()).getShards());
    put(client, "x", CompressType.LZ4);
    String end = client.GetCursor(PROJECT, "store", 0, CursorMode.END).GetCursor();
    client.UpdateCheckPoint(PROJECT, "store", "group", "a", 0, end);
    ConsumerGroupCheckPointResponse saved = client.GetCheckPoint(PROJECT, "store", "group", 0);
    assertEquals(end, saved.getCheckPoints().get(0).getCheckPoint());
    assertEquals(2, client.GetCheckPoint(PROJECT, "store", "group").getCheckPoints().size());
    assertEquals("", client.getCheckpoint(PROJECT, "store", "group", 1).getCheckpoint().getCheckPoint());
    fails("ConsumerNotExist", () -> client.UpdateCheckPoint(PROJECT, "store", "group", "b", 0, end));
    client.DeleteConsumerGroup(PROJECT, "store", "group");
    assertEquals(0, client.ListConsumerGroup(PROJECT, "store").GetConsumerGroups().size());
  }

  private static final String INDEX = "{\"line\":{\"token\":[\" \"],\"caseSensitive\":false},"
      + "\"keys\":{\"status\":{\"type\":\"long\",\"doc_value\":true},\"text\":{\"type\":\"text\",\"token\":[\" \"],\"doc_value\":true}}}";

  @Test
  void index() throws LogException {
    fails("IndexConfigNotExist", () -> client.GetIndex(PROJECT, "store"));
    client.CreateIndex(PROJECT, "store", INDEX);
    assertEquals("long", client.GetIndex(PROJECT, "store").GetIndex().GetKeys().GetKeys().get("status").GetType());
    client.UpdateIndex(PROJECT, "store", INDEX.replace("long", "double"));
    JSONObject got = JSONObject.parseObject(client.GetIndexString(PROJECT, "store").GetIndex());
    assertEquals("double", got.getJSONObject("keys").getJSONObject("status").getString("type"));
    fails("IndexAlreadyExist", () -> client.CreateIndex(PROJECT, "store", INDEX));
    client.DeleteIndex(PROJECT, "store");
    fails("IndexConfigNotExist", () -> client.GetIndex(PROJECT, "store"));
  }

  @Test
  void queries() throws LogException {
    client.CreateIndex(PROJECT, "store", INDEX);
    int now = (int) (System.currentTimeMillis() / 1000);
    List<LogItem> logs = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      LogItem log = new LogItem(now - 30 + i);
      log.PushBack("status", i % 3 == 0 ? "500" : "200");
      log.PushBack("text", "request " + i);
      logs.add(log);
    }
    client.PutLogs(PROJECT, "store", "topic", logs, "10.0.0.1");

    GetLogsResponse found = client.GetLogs(PROJECT, "store", now - 60, now + 60, "", "status: 500", 3, 1, true, false);
    assertTrue(found.IsCompleted());
    List<String> texts = new ArrayList<>();
    for (QueriedLog log : found.GetLogs()) {
      log.GetLogItem().mContents.stream().filter(c -> c.mKey.equals("text")).forEach(c -> texts.add(c.mValue));
    }
    assertEquals(Arrays.asList("request 24", "request 21", "request 18"), texts);

    long total = 0;
    for (Histogram bucket : client.GetHistograms(PROJECT, "store", now - 60, now + 60, "", "status: 500").GetHistograms()) {
      total += bucket.mCount;
    }
    assertEquals(10, total);

    GetLogsResponse counted = client.executeLogstoreSql(PROJECT, "store", now - 60, now + 60, "* | select count(*) as n from log where status = 200", false);
    assertEquals("20", counted.GetLogs().get(0).GetLogItem().mContents.get(0).mValue);
    String sql = "select count(*) as n from store where __time__ >= " + (now - 60) + " and __time__ < " + (now + 60);
    assertEquals("30", client.GetProjectLogs(PROJECT, sql).GetLogs().get(0).GetLogItem().mContents.get(0).mValue);
    assertEquals("30", client.executeProjectSql(PROJECT, sql, false).GetLogs().get(0).GetLogItem().mContents.get(0).mValue);
    fails("ParameterInvalid", () -> client.GetLogs(PROJECT, "store", now - 60, now + 60, "", "* | select nothing_there()"));
  }

  /** The SDK has no call that lets logs be modified, and copies what it is given: a request that has the member of the dialect. */
  private static UpdateLogStoreRequest modifiable(LogStore store) {
    LogStore with = new LogStore(store) {
      @Override
      public String ToRequestString() {
        JSONObject body = ToRequestJson();
        body.put("enableModify", true);
        return body.toString();
      }
    };
    return new UpdateLogStoreRequest(PROJECT, store) {
      @Override
      public LogStore GetLogStore() {
        return with;
      }
    };
  }

  @Test
  void deletions() throws LogException, InterruptedException {
    client.CreateIndex(PROJECT, "store", INDEX);
    int now = (int) (System.currentTimeMillis() / 1000);
    List<LogItem> logs = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      LogItem log = new LogItem(now - 30 + i);
      log.PushBack("status", i % 3 == 0 ? "500" : "200");
      logs.add(log);
    }
    client.PutLogs(PROJECT, "store", "topic", logs, "10.0.0.1");
    DeleteLogStoreLogsRequest request = new DeleteLogStoreLogsRequest(PROJECT, "store", now - 60, now, "status: 500");
    fails("ParameterInvalid", () -> client.deleteLogStoreLogs(request));
    client.UpdateLogStore(modifiable(client.GetLogStore(PROJECT, "store").GetLogStore()));
    assertEquals(30, client.GetHistograms(PROJECT, "store", now - 60, now, "", "*").GetTotalCount());

    String id = client.deleteLogStoreLogs(request).getTaskId();
    DeleteLogStoreLogsTask task = client.getDeleteLogStoreLogsTask(new GetDeleteLogStoreLogsTaskRequest(PROJECT, "store", id)).getTask();
    while (task.getProgress() < 100 && task.getErrorCode() == 0) {
      Thread.sleep(20);
      task = client.getDeleteLogStoreLogsTask(new GetDeleteLogStoreLogsTaskRequest(PROJECT, "store", id)).getTask();
    }
    assertEquals(List.of(id, "status: 500", now - 60, now, 100, 0),
        List.of(task.getTaskId(), task.getQuery(), task.getFrom(), task.getTo(), task.getProgress(), task.getErrorCode()));
    assertEquals(20, client.GetHistograms(PROJECT, "store", now - 60, now, "", "*").GetTotalCount());
    assertEquals(0, client.GetHistograms(PROJECT, "store", now - 60, now, "", "status: 500").GetTotalCount());

    ListDeleteLogStoreLogsTasksResponse listed = client.listDeleteLogStoreLogsTasks(new ListDeleteLogStoreLogsTasksRequest(PROJECT, "store", 0, 10));
    assertEquals(1, listed.getTotal());
    assertEquals(id, listed.getTasks().get(0).getTaskId());
    fails("DeleteLogsTaskNotExist", () -> client.getDeleteLogStoreLogsTask(new GetDeleteLogStoreLogsTaskRequest(PROJECT, "store", "none")));
  }
}
