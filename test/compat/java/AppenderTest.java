import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import com.aliyun.openservices.log.Client;
import com.aliyun.openservices.log.common.FastLogGroup;
import com.aliyun.openservices.log.exception.LogException;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.logging.log4j.core.config.ConfigurationSource;
import org.apache.logging.log4j.core.config.Configurator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.slf4j.MDC;

/** The appenders of logback and log4j2, configured as applications do it, by XML. */
@ExtendWith(Recorder.class)
class AppenderTest {
  private static final int LOGS = 200;
  private final Client client = Server.client();

  private static ByteArrayInputStream fill(String xml, String project) {
    String text = xml.replace("PROJECT", project).replace("ENDPOINT", "http://" + Server.DOMAIN).replace("KEY_ID", Server.KEY).replace("SECRET", Server.SECRET);
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
  }

  private int stored(String project) {
    try {
      return Server.values(Server.pull(client, project, "store"), "message").size();
    } catch (LogException e) {
      throw new IllegalStateException(e);
    }
  }

  private void check(List<FastLogGroup> groups) {
    assertEquals(IntStream.range(0, LOGS).mapToObj(i -> "line " + i).sorted().collect(Collectors.toList()), Server.values(groups, "message"));
    assertEquals("app", groups.get(0).getTopic());
    assertEquals(LOGS, Server.values(groups, "level").stream().filter("WARN"::equals).count());
    assertTrue(Server.values(groups, "throwable").get(0).contains("IllegalStateException: no"));
  }

  private static final String LOGBACK = "<configuration>"
      + "<appender name='sls' class='com.aliyun.openservices.log.logback.LoghubAppender'>"
      + "<endpoint>ENDPOINT</endpoint><accessKeyId>KEY_ID</accessKeyId><accessKeySecret>SECRET</accessKeySecret>"
      + "<project>PROJECT</project><logStore>store</logStore><topic>app</topic><mdcFields>user</mdcFields><timeZone>UTC</timeZone>"
      + "</appender><root level='INFO'><appender-ref ref='sls'/></root></configuration>";

  @Test
  void logback() throws Exception {
    Server.make(client, "java-logback");
    LoggerContext context = new LoggerContext();
    JoranConfigurator configurator = new JoranConfigurator();
    configurator.setContext(context);
    configurator.doConfigure(fill(LOGBACK, "java-logback"));
    MDC.put("user", "ada");
    org.slf4j.Logger logger = context.getLogger("compat");
    for (int i = 0; i < LOGS; i++) {
      logger.warn("line {}", i, new IllegalStateException("no"));
    }
    context.stop(); // sends what is left
    List<FastLogGroup> groups = Server.pull(client, "java-logback", "store");
    check(groups);
    Recorder.works("logback appender", com.aliyun.openservices.log.logback.LoghubAppender.class, "append");
    Recorder.works("logback appender", com.aliyun.openservices.log.logback.LoghubAppender.class, "flush on stop");
  }

  private static final String LOG4J2 = "<Configuration status='WARN'><Appenders>"
      + "<Loghub name='sls' project='PROJECT' logStore='store' endpoint='ENDPOINT' accessKeyId='KEY_ID' accessKeySecret='SECRET' topic='app'"
      + " timeFormat=\"yyyy-MM-dd'T'HH:mmZ\" timeZone='UTC' ignoreExceptions='false'><PatternLayout pattern='%m'/></Loghub>"
      + "</Appenders><Loggers><Logger name='compat' level='info' additivity='false'><AppenderRef ref='sls'/></Logger><Root level='off'/></Loggers></Configuration>";

  @Test
  void log4j2() throws Exception {
    Server.make(client, "java-log4j2");
    org.apache.logging.log4j.core.LoggerContext context = Configurator.initialize(null, new ConfigurationSource(fill(LOG4J2, "java-log4j2")));
    org.apache.logging.log4j.Logger logger = context.getLogger("compat");
    for (int i = 0; i < LOGS; i++) {
      logger.warn("line {}", i, new IllegalStateException("no"));
    }
    // Log4j 2 of today stops appenders by a method that this one does not have, so it sends nothing at the end; it lingers for two seconds.
    Server.eventually(() -> stored("java-log4j2") == LOGS);
    check(Server.pull(client, "java-log4j2", "store"));
    Configurator.shutdown(context);
    Recorder.works("log4j2 appender", com.aliyun.openservices.log.log4j2.LoghubAppender.class, "append");
  }
}
