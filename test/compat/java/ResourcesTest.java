import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alibaba.fastjson.JSONObject;
import com.aliyun.openservices.log.LogService;
import com.aliyun.openservices.log.common.Chart;
import com.aliyun.openservices.log.common.Config;
import com.aliyun.openservices.log.common.Dashboard;
import com.aliyun.openservices.log.common.Logging;
import com.aliyun.openservices.log.common.LoggingDetail;
import com.aliyun.openservices.log.common.MachineGroup;
import com.aliyun.openservices.log.common.MachineList;
import com.aliyun.openservices.log.common.Resource;
import com.aliyun.openservices.log.common.ResourceRecord;
import com.aliyun.openservices.log.common.SavedSearch;
import com.aliyun.openservices.log.common.SubStore;
import com.aliyun.openservices.log.common.SubStoreKey;
import com.aliyun.openservices.log.exception.LogException;
import com.aliyun.openservices.log.request.CreateDashboardRequest;
import com.aliyun.openservices.log.request.CreateLoggingRequest;
import com.aliyun.openservices.log.request.CreateResourceRecordRequest;
import com.aliyun.openservices.log.request.CreateResourceRequest;
import com.aliyun.openservices.log.request.CreateSavedSearchRequest;
import com.aliyun.openservices.log.request.DeleteDashboardRequest;
import com.aliyun.openservices.log.request.DeleteLoggingRequest;
import com.aliyun.openservices.log.request.DeleteResourceRecordRequest;
import com.aliyun.openservices.log.request.DeleteResourceRequest;
import com.aliyun.openservices.log.request.DeleteSavedSearchRequest;
import com.aliyun.openservices.log.request.GetDashboardRequest;
import com.aliyun.openservices.log.request.GetLoggingRequest;
import com.aliyun.openservices.log.request.GetResourceRecordRequest;
import com.aliyun.openservices.log.request.GetResourceRequest;
import com.aliyun.openservices.log.request.GetSavedSearchRequest;
import com.aliyun.openservices.log.request.ListDashboardRequest;
import com.aliyun.openservices.log.request.ListResourceRecordRequest;
import com.aliyun.openservices.log.request.ListSavedSearchRequest;
import com.aliyun.openservices.log.request.UpdateDashboardRequest;
import com.aliyun.openservices.log.request.UpdateLoggingRequest;
import com.aliyun.openservices.log.request.UpdateResourceRecordRequest;
import com.aliyun.openservices.log.request.UpdateResourceRequest;
import com.aliyun.openservices.log.request.UpdateSavedSearchRequest;
import com.aliyun.openservices.log.request.UpsertResourceRecordRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The Java SDK: what a project keeps beside its logs. */
@ExtendWith(Recorder.class)
class ResourcesTest {
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

  private static void gone(org.junit.jupiter.api.function.Executable call) {
    assertEquals(404, assertThrows(LogException.class, call).GetHttpCode());
  }

  private static MachineGroup group() {
    MachineGroup group = new MachineGroup("group", "ip", new ArrayList<>(List.of("10.0.0.1")));
    group.SetGroupTopic("blue");
    return group;
  }

  private static Config config() throws LogException {
    Config config = new Config("config", "file");
    config.SetConfigName("config");
    config.SetInputType("file");
    config.SetInputDetail("{\"logType\":\"json_log\",\"logPath\":\"/var/log\",\"filePattern\":\"*.json\",\"topicFormat\":\"none\",\"localStorage\":true,"
        + "\"timeKey\":\"ts\",\"timeFormat\":\"%s\",\"filterKey\":[],\"filterRegex\":[]}");
    config.SetOutputDetail("{\"logstoreName\":\"store\"}");
    return config;
  }

  @Test
  void machineGroup() throws LogException {
    client.CreateMachineGroup(PROJECT, group());
    MachineGroup got = client.GetMachineGroup(PROJECT, "group").GetMachineGroup();
    assertEquals(Arrays.asList("ip", "blue", List.of("10.0.0.1")), Arrays.asList(got.GetMachineIdentifyType(), got.GetGroupTopic(), got.GetMachineList()));
    client.AddMachineIntoMahineGroup(PROJECT, "group", new MachineList(new ArrayList<>(List.of("10.0.0.2"))));
    assertEquals(List.of("10.0.0.1", "10.0.0.2"), client.GetMachineGroup(PROJECT, "group").GetMachineGroup().GetMachineList());
    client.DeleteMachineFromMachineGroup(PROJECT, "group", new MachineList(new ArrayList<>(List.of("10.0.0.1"))));
    assertEquals(List.of("10.0.0.2"), client.GetMachineGroup(PROJECT, "group").GetMachineGroup().GetMachineList());
    client.UpdateMachineGroup(PROJECT, group());
    assertEquals(List.of("group"), client.ListMachineGroup(PROJECT).GetMachineGroups());
    assertEquals(0, client.ListMachines(PROJECT, "group", 0, 10).GetMachines().size());
    client.DeleteMachineGroup(PROJECT, "group");
    gone(() -> client.GetMachineGroup(PROJECT, "group"));
  }

  @Test
  void config_() throws LogException {
    client.CreateConfig(PROJECT, config());
    Config got = client.GetConfig(PROJECT, "config").GetConfig();
    assertEquals("json_log", got.GetInputDetail().ToJsonObject().getString("logType"));
    client.UpdateConfig(PROJECT, got);
    assertEquals(List.of("config"), client.ListConfig(PROJECT).GetConfigs());
    client.CreateMachineGroup(PROJECT, group());
    client.ApplyConfigToMachineGroup(PROJECT, "group", "config");
    assertEquals(List.of("config"), client.GetAppliedConfig(PROJECT, "group").Getconfigs());
    assertEquals(List.of("group"), client.GetAppliedMachineGroups(PROJECT, "config").GetMachineGroups());
    client.RemoveConfigFromMachineGroup(PROJECT, "group", "config");
    client.DeleteConfig(PROJECT, "config");
    gone(() -> client.GetConfig(PROJECT, "config"));
  }

  @Test
  void dashboard() throws LogException {
    Dashboard board = new Dashboard("board", "Board", "", "{}", new ArrayList<Chart>());
    client.createDashboard(new CreateDashboardRequest(PROJECT, board));
    board.setDescription("changed");
    client.updateDashboard(new UpdateDashboardRequest(PROJECT, board));
    assertEquals("changed", client.getDashboard(new GetDashboardRequest(PROJECT, "board")).getDashboard().getDescription());
    assertEquals(1, client.listDashboard(new ListDashboardRequest(PROJECT)).getTotal());
    client.deleteDashboard(new DeleteDashboardRequest(PROJECT, "board"));
    gone(() -> client.getDashboard(new GetDashboardRequest(PROJECT, "board")));
  }

  @Test
  void savedSearch() throws LogException {
    SavedSearch search = new SavedSearch();
    search.setSavedSearchName("errors");
    search.setDisplayName("Errors");
    search.setLogstore("store");
    search.setTopic("");
    search.setSearchQuery("status: 500");
    client.createSavedSearch(new CreateSavedSearchRequest(PROJECT, search));
    search.setSearchQuery("status: 501");
    client.updateSavedSearch(new UpdateSavedSearchRequest(PROJECT, search));
    assertEquals("status: 501", client.getSavedSearch(new GetSavedSearchRequest(PROJECT, "errors")).getSavedSearch().getSearchQuery());
    assertEquals(1, client.listSavedSearch(new ListSavedSearchRequest(PROJECT)).getTotal());
    client.deleteSavedSearch(new DeleteSavedSearchRequest(PROJECT, "errors"));
    gone(() -> client.getSavedSearch(new GetSavedSearchRequest(PROJECT, "errors")));
  }

  @Test
  void policy() throws LogException {
    String policy = "{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":[\"log:DeleteConfig\"],\"Principal\":[\"*\"],"
        + "\"Resource\":\"acs:log:*:*:project/" + PROJECT + "/*\"}]}";
    client.setProjectPolicy(PROJECT, policy);
    assertEquals(JSONObject.parse(policy), JSONObject.parse(client.getProjectPolicy(PROJECT).getPolicyText()));
    client.deleteProjectPolicy(PROJECT);
    assertEquals("", client.getProjectPolicy(PROJECT).getPolicyText());
  }

  @Test
  void subStore() throws LogException {
    List<SubStoreKey> keys = Arrays.asList(new SubStoreKey("host", "text"), new SubStoreKey("path", "text"), new SubStoreKey("time", "long"));
    client.createSubStore(PROJECT, "store", new SubStore("sub", 7, 2, 2, keys));
    assertEquals(List.of("sub"), client.listSubStore(PROJECT, "store").getSubStoreNames());
    assertEquals(3, client.getSubStore(PROJECT, "store", "sub").getSubStore().getKeys().size());
    client.updateSubStoreTTL(PROJECT, "store", 5);
    assertEquals(5, client.getSubStoreTTL(PROJECT, "store").getTtl());
    client.deleteSubStore(PROJECT, "store", "sub");
    assertTrue(client.listSubStore(PROJECT, "store").getSubStoreNames().isEmpty());
  }

  @Test
  void logging() throws LogException {
    List<LoggingDetail> details = Collections.singletonList(new LoggingDetail("operation_log", "internal-operation_log"));
    client.createLogging(new CreateLoggingRequest(PROJECT, new Logging(PROJECT, details)));
    client.updateLogging(new UpdateLoggingRequest(PROJECT, new Logging(PROJECT, details)));
    assertEquals("operation_log", client.getLogging(new GetLoggingRequest(PROJECT)).getLogging().getLoggingDetails().get(0).getType());
    client.deleteLogging(new DeleteLoggingRequest(PROJECT));
    gone(() -> client.getLogging(new GetLoggingRequest(PROJECT)));
  }

  @Test
  void resource() throws LogException {
    Resource users = new Resource("java.users", "userdefine");
    users.setDescription("users");
    client.createResource(new CreateResourceRequest(users));
    try {
      users.setDescription("people");
      client.updateResource(new UpdateResourceRequest(users));
      assertEquals("people", client.getResource(new GetResourceRequest("java.users")).getResource().getDescription());
      client.createResourceRecord(new CreateResourceRecordRequest("java.users", new ResourceRecord("ada", "ops", "{\"name\":\"Ada\"}")));
      client.updateResourceRecord(new UpdateResourceRecordRequest("java.users", new ResourceRecord("ada", "ops", "{\"name\":\"Ada L.\"}")));
      client.upsertResourceRecord(new UpsertResourceRecordRequest("java.users", new ResourceRecord("bob", "ops", "{\"name\":\"Bob\"}")));
      String value = client.getResourceRecord(new GetResourceRecordRequest("java.users", "ada")).getRecord().getValue();
      assertEquals("Ada L.", JSONObject.parseObject(value).getString("name"));
      assertEquals(2, client.listResourceRecord(new ListResourceRecordRequest("java.users")).getTotal());
      client.deleteResourceRecord(new DeleteResourceRecordRequest("java.users", "ada"));
    } finally {
      client.deleteResource(new DeleteResourceRequest("java.users"));
    }
    gone(() -> client.getResource(new GetResourceRequest("java.users")));
  }
}
