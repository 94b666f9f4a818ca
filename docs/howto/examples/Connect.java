// Writes a log with the SLS Java SDK and reads it back.

import com.aliyun.openservices.log.Client;
import com.aliyun.openservices.log.common.Consts.CursorMode;
import com.aliyun.openservices.log.common.FastLog;
import com.aliyun.openservices.log.common.LogGroupData;
import com.aliyun.openservices.log.common.LogItem;
import com.aliyun.openservices.log.common.LogStore;
import com.aliyun.openservices.log.exception.LogException;
import com.aliyun.openservices.log.http.client.ClientConfiguration;
import com.aliyun.openservices.log.request.PullLogsRequest;
import java.net.URI;
import java.util.Collections;

public class Connect {
  private static final String PROJECT = "howto-java";
  private static final String LOGSTORE = "app";

  private interface Call {
    void make() throws LogException;
  }

  private static void create(Call call) throws LogException {
    try {
      call.make();
    } catch (LogException e) {
      if (!e.GetErrorCode().endsWith("AlreadyExist")) {
        throw e;
      }
    }
  }

  public static void main(String[] args) throws LogException {
    URI server = URI.create(System.getenv("SLS_ENDPOINT")); // such as http://localhost:8080
    ClientConfiguration configuration = new ClientConfiguration();
    configuration.setProxyHost(server.getHost()); // the server is a proxy for its own names
    configuration.setProxyPort(server.getPort());
    Client client = new Client(
        "http://" + server.getHost(), System.getenv("SLUICE_ACCESS_KEY_ID"), System.getenv("SLUICE_ACCESS_KEY_SECRET"), configuration);

    create(() -> client.CreateProject(PROJECT, "from the Java SDK"));
    create(() -> client.CreateLogStore(PROJECT, new LogStore(LOGSTORE, 7, 1)));

    LogItem log = new LogItem((int) (System.currentTimeMillis() / 1000));
    log.PushBack("msg", "hello from Java");
    client.PutLogs(PROJECT, LOGSTORE, "greetings", Collections.singletonList(log), "howto");

    String cursor = client.GetCursor(PROJECT, LOGSTORE, 0, CursorMode.BEGIN).GetCursor();
    for (LogGroupData group : client.pullLogs(new PullLogsRequest(PROJECT, LOGSTORE, 0, 100, cursor)).getLogGroups()) {
      for (FastLog line : group.getFastLogGroup().getLogs()) {
        System.out.println(group.getFastLogGroup().getTopic() + " " + line.getContents(0).getKey() + " " + line.getContents(0).getValue());
      }
    }
    client.shutdown();
  }
}
