// Writes a log with the Java producer and reads it with the Java consumer library.

import com.aliyun.openservices.aliyun.log.producer.LogProducer;
import com.aliyun.openservices.aliyun.log.producer.ProducerConfig;
import com.aliyun.openservices.aliyun.log.producer.ProjectConfig;
import com.aliyun.openservices.log.common.FastLog;
import com.aliyun.openservices.log.common.LogGroupData;
import com.aliyun.openservices.log.common.LogItem;
import com.aliyun.openservices.loghub.client.ClientWorker;
import com.aliyun.openservices.loghub.client.ILogHubCheckPointTracker;
import com.aliyun.openservices.loghub.client.config.LogHubConfig;
import com.aliyun.openservices.loghub.client.exceptions.LogHubCheckPointException;
import com.aliyun.openservices.loghub.client.interfaces.ILogHubProcessor;
import java.util.List;
import java.util.concurrent.CountDownLatch;

public class Tools {
  private static final String ENDPOINT = "http://localhost"; // the server's base domain, and port 80
  private static final String PROJECT = "howto-java-tools";
  private static final String LOGSTORE = "app";
  private static final String KEY = System.getenv("SLUICE_ACCESS_KEY_ID");
  private static final String SECRET = System.getenv("SLUICE_ACCESS_KEY_SECRET");

  /** Prints what comes, and saves its place in the server after each batch. */
  private static final class Printer implements ILogHubProcessor {
    private final CountDownLatch done;

    Printer(CountDownLatch done) {
      this.done = done;
    }

    @Override
    public void initialize(int shard) {}

    @Override
    public String process(List<LogGroupData> batch, ILogHubCheckPointTracker tracker) {
      for (LogGroupData group : batch) {
        for (FastLog log : group.getFastLogGroup().getLogs()) {
          System.out.println(group.getFastLogGroup().getTopic() + " " + log.getContents(0).getKey() + " " + log.getContents(0).getValue());
          done.countDown();
        }
      }
      save(tracker);
      return null;
    }

    @Override
    public void shutdown(ILogHubCheckPointTracker tracker) {
      save(tracker);
    }

    private void save(ILogHubCheckPointTracker tracker) {
      try {
        tracker.saveCheckPoint(true);
      } catch (LogHubCheckPointException e) {
        System.err.println("the place is not saved, what follows comes again: " + e);
      }
    }
  }

  public static void main(String[] args) throws Exception {
    LogProducer producer = new LogProducer(new ProducerConfig());
    producer.putProjectConfig(new ProjectConfig(PROJECT, ENDPOINT, KEY, SECRET));
    LogItem log = new LogItem((int) (System.currentTimeMillis() / 1000));
    log.PushBack("msg", "hello from the producer");
    producer.send(PROJECT, LOGSTORE, "greetings", "howto", log);
    producer.close(); // sends what waits

    CountDownLatch done = new CountDownLatch(1);
    LogHubConfig config = new LogHubConfig("readers", "one", ENDPOINT, PROJECT, LOGSTORE, KEY, SECRET, LogHubConfig.ConsumePosition.BEGIN_CURSOR);
    ClientWorker worker = new ClientWorker(() -> new Printer(done), config);
    Thread thread = new Thread(worker);
    thread.start();
    done.await();
    worker.shutdown();
    thread.join();
  }
}
