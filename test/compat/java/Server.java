import com.aliyun.openservices.log.Client;
import com.aliyun.openservices.log.LogService;
import com.aliyun.openservices.log.common.Consts.CursorMode;
import com.aliyun.openservices.log.common.FastLog;
import com.aliyun.openservices.log.common.FastLogGroup;
import com.aliyun.openservices.log.common.LogGroupData;
import com.aliyun.openservices.log.common.LogStore;
import com.aliyun.openservices.log.common.Shard;
import com.aliyun.openservices.log.exception.LogException;
import com.aliyun.openservices.log.http.client.ClientConfiguration;
import com.aliyun.openservices.log.http.signer.SignVersion;
import com.aliyun.openservices.log.request.PullLogsRequest;
import com.aliyun.openservices.log.response.PullLogsResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * The server under test, as the clients reach it. They know no ports: in these tests its names resolve and lead to it from port 80 on, as they
 * would where it listens on port 80 (test/compat arranges that), and so does it as the clients' HTTP proxy.
 */
final class Server {
  static final String DOMAIN = System.getenv("SLUICE_TEST_DOMAIN");
  static final String KEY = System.getenv("SLUICE_TEST_ACCESS_KEY_ID");
  static final String SECRET = System.getenv("SLUICE_TEST_ACCESS_KEY_SECRET");
  static final String ADDRESS = System.getenv("SLUICE_TEST_ADDR");

  private Server() {}

  /** A client that reaches the server by name. */
  static Client client() {
    return new Client("http://" + DOMAIN, KEY, SECRET);
  }

  /** A client with the server as its HTTP proxy, and a signature version of its own. */
  static Client proxied(SignVersion version) {
    ClientConfiguration configuration = new ClientConfiguration();
    configuration.setProxyHost(ADDRESS.substring(0, ADDRESS.indexOf(':')));
    configuration.setProxyPort(Integer.parseInt(ADDRESS.substring(ADDRESS.indexOf(':') + 1)));
    configuration.setSignatureVersion(version);
    configuration.setRegion("local");
    return new Client("http://" + DOMAIN, KEY, SECRET, configuration);
  }

  /** Makes a project with a logstore "store" of two shards. */
  static void make(LogService client, String project) throws LogException {
    client.CreateProject(project, "of a test");
    client.CreateLogStore(project, new LogStore("store", 7, 2));
  }

  /** All log groups of a logstore, shard by shard. */
  static List<FastLogGroup> pull(LogService client, String project, String logstore) throws LogException {
    List<FastLogGroup> groups = new ArrayList<>();
    for (Shard shard : client.ListShard(project, logstore).GetShards()) {
      String cursor = client.GetCursor(project, logstore, shard.getShardId(), CursorMode.BEGIN).GetCursor();
      for (;;) {
        PullLogsResponse answer = client.pullLogs(new PullLogsRequest(project, logstore, shard.getShardId(), 3, cursor));
        for (LogGroupData group : answer.getLogGroups()) {
          groups.add(group.getFastLogGroup());
        }
        if (answer.getNextCursor().equals(cursor)) {
          break;
        }
        cursor = answer.getNextCursor();
      }
    }
    return groups;
  }

  /** The values of a field in all logs of groups, sorted. */
  static List<String> values(List<FastLogGroup> groups, String key) {
    List<String> values = new ArrayList<>();
    for (FastLogGroup group : groups) {
      for (FastLog log : group.getLogs()) {
        for (int i = 0; i < log.getContentsCount(); i++) {
          if (log.getContents(i).getKey().equals(key)) {
            values.add(log.getContents(i).getValue());
          }
        }
      }
    }
    values.sort(null);
    return values;
  }

  /** Waits for what happens in threads of a client. */
  static void eventually(Supplier<Boolean> fact) throws InterruptedException {
    for (Instant end = Instant.now().plus(Duration.ofSeconds(120)); !fact.get(); Thread.sleep(20)) {
      if (Instant.now().isAfter(end)) {
        throw new AssertionError("not within a minute");
      }
    }
  }
}
