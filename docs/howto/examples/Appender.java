// Logs through the appender that the logback.xml in the class path names.

import ch.qos.logback.classic.LoggerContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

public class Appender {
  public static void main(String[] args) {
    Logger logger = LoggerFactory.getLogger(Appender.class);
    logger.info("hello from logback");
    ((LoggerContext) LoggerFactory.getILoggerFactory()).stop(); // sends what the appender still has
  }
}
