import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.aliyun.openservices.aliyun.log.producer.LogProducer;
import com.aliyun.openservices.aliyun.log.producer.ProducerConfig;
import com.aliyun.openservices.aliyun.log.producer.ProjectConfig;
import com.aliyun.openservices.aliyun.log.producer.Result;
import com.aliyun.openservices.aliyun.log.producer.errors.ResultFailedException;
import com.aliyun.openservices.log.Client;
import com.aliyun.openservices.log.common.FastLogGroup;
import com.aliyun.openservices.log.common.LogItem;
import com.aliyun.openservices.log.http.signer.SignVersion;
import com.google.common.util.concurrent.ListenableFuture;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The Java producer: it batches, compresses, routes by hash key and repeats, and loses nothing. */
@ExtendWith(Recorder.class)
class ProducerTest {
  private static final String PROJECT = "java-producer";
  private static final int LOGS = 1000;
  private final Client client = Server.client();
  private final ProducerConfig config = new ProducerConfig();

  @BeforeEach
  void make() throws Exception {
    Server.make(client, PROJECT);
    config.setIoThreadCount(2);
  }

  @AfterEach
  void delete() throws Exception {
    client.DeleteProject(PROJECT);
  }

  private static LogItem log(int i) {
    LogItem log = new LogItem((int) (System.currentTimeMillis() / 1000));
    log.PushBack("n", Integer.toString(i));
    return log;
  }

  /** Sends logs one by one, waits for all, and looks whether each is there once. */
  private List<FastLogGroup> send(ProjectConfig project, String hash) throws Exception {
    LogProducer producer = new LogProducer(config);
    producer.putProjectConfig(project);
    List<ListenableFuture<Result>> sent = new ArrayList<>();
    for (int i = 0; i < LOGS; i++) {
      sent.add(producer.send(PROJECT, "store", "topic", "10.0.0.1", hash, log(i)));
    }
    producer.close();
    for (ListenableFuture<Result> one : sent) {
      assertTrue(one.get().isSuccessful());
    }
    List<FastLogGroup> groups = Server.pull(client, PROJECT, "store");
    assertEquals(IntStream.range(0, LOGS).mapToObj(Integer::toString).sorted().collect(Collectors.toList()), Server.values(groups, "n"));
    return groups;
  }

  private static ProjectConfig byName() {
    return new ProjectConfig(PROJECT, "http://" + Server.DOMAIN, Server.KEY, Server.SECRET);
  }

  @ParameterizedTest
  @EnumSource(SignVersion.class)
  void sends(SignVersion version) throws Exception {
    config.setSignVersion(version);
    config.setRegion("local");
    List<FastLogGroup> groups = send(byName(), null);
    assertTrue(groups.size() < LOGS / 2, "logs travel in batches, and not in " + groups.size());
    Recorder.works("Java producer", LogProducer.class, "send signature " + version);
  }

  @ParameterizedTest
  @ValueSource(strings = {"lz4", "zstd"})
  void compresses(String type) throws Exception {
    config.setCompressType(type);
    send(byName(), null);
    Recorder.works("Java producer", LogProducer.class, "send " + type);
  }

  @Test
  void sendsByHashKey() throws Exception {
    send(byName(), "127.0.0.1");
    Recorder.works("Java producer", LogProducer.class, "send by hash key");
  }

  @Test
  void sendsToAnAddress() throws Exception {
    ProjectConfig project = byName();
    project.setProxyIp(Server.ADDRESS);
    send(project, null);
    Recorder.works("Java producer", LogProducer.class, "send to proxyIp with a port");
  }

  @Test
  void saysWhatWasRefused() throws Exception {
    LogProducer producer = new LogProducer(config);
    producer.putProjectConfig(byName());
    ListenableFuture<Result> sent = producer.send(PROJECT, "nothing", log(0));
    producer.close();
    ResultFailedException e = (ResultFailedException) assertThrows(ExecutionException.class, sent::get).getCause();
    assertEquals("LogStoreNotExist", e.getErrorCode());
    assertFalse(e.getResult().isSuccessful());
    Recorder.works("Java producer", LogProducer.class, "refused logs are told");
  }
}
