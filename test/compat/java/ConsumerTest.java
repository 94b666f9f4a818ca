import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.aliyun.openservices.log.Client;
import com.aliyun.openservices.log.common.Consts.CursorMode;
import com.aliyun.openservices.log.common.FastLogGroup;
import com.aliyun.openservices.log.common.LogGroupData;
import com.aliyun.openservices.log.common.LogItem;
import com.aliyun.openservices.log.exception.LogException;
import com.aliyun.openservices.log.request.PutLogsRequest;
import com.aliyun.openservices.loghub.client.ClientWorker;
import com.aliyun.openservices.loghub.client.ILogHubCheckPointTracker;
import com.aliyun.openservices.loghub.client.config.LogHubConfig;
import com.aliyun.openservices.loghub.client.exceptions.LogHubCheckPointException;
import com.aliyun.openservices.loghub.client.interfaces.ILogHubProcessor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The Java consumer library: consumers of a group share the shards, go on where they stopped, and let others go on. */
@ExtendWith(Recorder.class)
class ConsumerTest {
  private static final String PROJECT = "java-consumer";
  private final Client client = Server.client();
  private final List<String> seen = Collections.synchronizedList(new ArrayList<>());
  private final List<Running> running = new ArrayList<>();

  @BeforeEach
  void make() throws Exception {
    Server.make(client, PROJECT);
  }

  @AfterEach
  void delete() throws Exception {
    for (Running worker : running) {
      worker.stop();
    }
    client.DeleteProject(PROJECT);
  }

  /** Notes what comes, and saves its place in the server after each batch. */
  private final class Processor implements ILogHubProcessor {
    @Override
    public void initialize(int shard) {}

    @Override
    public String process(List<LogGroupData> batch, ILogHubCheckPointTracker tracker) {
      List<FastLogGroup> groups = batch.stream().map(LogGroupData::getFastLogGroup).collect(Collectors.toList());
      seen.addAll(Server.values(groups, "n"));
      try {
        tracker.saveCheckPoint(true);
      } catch (LogHubCheckPointException e) {
        return tracker.getCheckPoint();
      }
      return null;
    }

    @Override
    public void shutdown(ILogHubCheckPointTracker tracker) {
      try {
        tracker.saveCheckPoint(true);
      } catch (LogHubCheckPointException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private final class Running {
    private final ClientWorker worker;
    private final Thread thread;

    Running(String consumer) throws Exception {
      LogHubConfig config = new LogHubConfig(
          "group", consumer, "http://" + Server.DOMAIN, PROJECT, "store", Server.KEY, Server.SECRET, LogHubConfig.ConsumePosition.BEGIN_CURSOR);
      config.setHeartBeatIntervalMillis(200);
      config.setFetchIntervalMillis(100);
      config.setTimeoutInSeconds(15); // who is late on a busy machine would lose shards, and their logs come twice
      worker = new ClientWorker(Processor::new, config);
      thread = new Thread(worker);
      thread.start();
      running.add(this);
    }

    void stop() throws InterruptedException {
      worker.shutdown();
      thread.join(120_000);
      assertFalse(thread.isAlive(), "the worker did not stop");
    }
  }

  /** Writes logs to both shards in turn. */
  private void put(int from, int to) throws LogException {
    for (int i = from; i < to; i++) {
      LogItem log = new LogItem((int) (System.currentTimeMillis() / 1000));
      log.PushBack("n", Integer.toString(i));
      client.PutLogs(new PutLogsRequest(PROJECT, "store", "", "", Collections.singletonList(log), i % 2 == 0 ? "00" : "80"));
    }
  }

  private static List<String> numbers(int n) {
    return IntStream.range(0, n).mapToObj(Integer::toString).sorted().collect(Collectors.toList());
  }

  /** What was seen, without what {@link #owners} writes. */
  private List<String> sorted() {
    synchronized (seen) {
      return seen.stream().filter(n -> Integer.parseInt(n) < 1000).sorted().collect(Collectors.toList());
    }
  }

  @Test
  void consumesAndGoesOnWhereItStopped() throws Exception {
    put(0, 40);
    Running first = new Running("a");
    Server.eventually(() -> seen.size() >= 40);
    first.stop();
    running.clear();
    for (int shard = 0; shard < 2; shard++) {
      assertEquals(client.GetCursor(PROJECT, "store", shard, CursorMode.END).GetCursor(), checkpoint(shard));
    }
    put(40, 60);
    new Running("b");
    Server.eventually(() -> seen.size() >= 60);
    assertEquals(numbers(60), sorted());
    Recorder.works("Java consumer library", ClientWorker.class, "consume");
    Recorder.works("Java consumer library", ClientWorker.class, "go on at the checkpoint");
  }

  private String checkpoint(int shard) throws LogException {
    return client.GetCheckPoint(PROJECT, "store", "group", shard).getCheckPoints().get(0).getCheckPoint();
  }

  @Test
  void twoConsumersShareTheShards() throws Exception {
    new Running("a");
    new Running("b");
    Server.eventually(() -> owners("a") == 1 && owners("b") == 1);
    put(0, 40);
    Server.eventually(() -> sorted().size() >= 40);
    assertEquals(numbers(40), sorted());
    Recorder.works("Java consumer library", ClientWorker.class, "share shards");
  }

  /** How many shards a consumer has saved a place for. */
  private long owners(String consumer) {
    try {
      put(1000, 1002); // something to save a place behind
      return client.GetCheckPoint(PROJECT, "store", "group").getCheckPoints().stream().filter(c -> consumer.equals(c.getConsumer())).count();
    } catch (LogException e) {
      if ("ConsumerGroupNotExist".equals(e.GetErrorCode())) {
        return 0; // not yet
      }
      throw new IllegalStateException(e);
    }
  }

  @Test
  void splitShardsAreReadToTheEnd() throws Exception {
    put(0, 20);
    new Running("a");
    Server.eventually(() -> seen.size() >= 20);
    client.SplitShard(PROJECT, "store", 0, "40000000000000000000000000000000");
    put(20, 40);
    Server.eventually(() -> seen.size() >= 40);
    assertEquals(numbers(40), sorted());
    Recorder.works("Java consumer library", ClientWorker.class, "follow a split");
  }
}
