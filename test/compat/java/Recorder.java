import com.aliyun.openservices.log.LogService;
import com.aliyun.openservices.log.exception.LogException;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;
import org.opentest4j.TestAbortedException;

/**
 * What the clients did, for the table of clients in docs/compat.md. A recorder looks at the calls of a test. When the test has passed, each
 * method that returned is said to work; a method that the server answered with NotSupported is said to be refused, and its test is
 * aborted. Without SLUICE_COMPAT_RESULTS nothing is written.
 */
public final class Recorder implements BeforeEachCallback, AfterEachCallback, TestExecutionExceptionHandler {
  /** State by client, version and operation, of the test that runs; the tests run one after the other. */
  private static final Map<String, String> seen = new TreeMap<>();

  @Override
  public void beforeEach(ExtensionContext context) {
    synchronized (seen) {
      seen.clear();
    }
  }

  /** Says that an operation of a client has worked, for clients that are more than calls. */
  static void works(String client, Class<?> of, String operation) {
    record(client, version(of), operation, "works");
  }

  private static void record(String client, String version, String operation, String state) {
    String row = String.format("{\"client\":\"%s\",\"version\":\"%s\",\"operation\":\"%s\",\"state\":", client, version, operation);
    synchronized (seen) {
      seen.merge(row, state, (a, b) -> a.equals("refused") ? a : b);
    }
  }

  /** A client whose calls are recorded. */
  static LogService watch(LogService client) {
    String version = version(client.getClass());
    return (LogService) Proxy.newProxyInstance(Recorder.class.getClassLoader(), new Class<?>[] {LogService.class}, (proxy, method, args) -> {
      try {
        Object result = method.invoke(client, args);
        record("Java SDK", version, method.getName(), "works");
        return result;
      } catch (InvocationTargetException e) {
        if (isRefusal(e.getCause())) {
          record("Java SDK", version, method.getName(), "refused");
        }
        throw e.getCause();
      }
    });
  }

  private static boolean isRefusal(Throwable e) {
    return e instanceof LogException && "NotSupported".equals(((LogException) e).GetErrorCode());
  }

  /** The version in the name of the jar that a class comes from. */
  private static String version(Class<?> of) {
    try {
      String jar = new File(of.getProtectionDomain().getCodeSource().getLocation().toURI()).getName();
      return jar.replaceFirst("^.*?-(\\d[^-]*)\\.jar$", "$1");
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void handleTestExecutionException(ExtensionContext context, Throwable e) throws Throwable {
    if (isRefusal(e)) {
      throw new TestAbortedException("refused: " + ((LogException) e).GetErrorMessage());
    }
    throw e;
  }

  @Override
  public void afterEach(ExtensionContext context) throws IOException {
    String directory = System.getenv("SLUICE_COMPAT_RESULTS");
    if (directory == null || directory.isEmpty()) {
      return;
    }
    Throwable e = context.getExecutionException().orElse(null);
    StringBuilder rows = new StringBuilder();
    synchronized (seen) {
      seen.forEach((row, state) -> {
        if (e == null || state.equals("refused")) {
          rows.append(row).append('"').append(state).append("\"}\n");
        } else if (!(e instanceof TestAbortedException)) {
          rows.append(row).append("\"fails\"}\n");
        }
      });
    }
    Files.createDirectories(Path.of(directory));
    Files.write(Path.of(directory, "java.jsonl"), rows.toString().getBytes(StandardCharsets.UTF_8), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }
}
