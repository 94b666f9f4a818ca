// Package kafkabroker starts a real Apache Kafka broker for tests: KRaft, one node, on loopback, in a directory of its own.
//
//	PLAINTEXT       anybody, as super user
//	SASL_PLAINTEXT  PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
//	SASL_SSL        the same, with a certificate of the broker's own authority
//
// Users are [Admin], who may do everything, and [Guest], who may do nothing. Topics are not made by themselves.
package kafkabroker

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/test/certs"
	"github.com/sluicelog/sluice/test/tools"
)

// User is a user and the password.
type User struct{ Name, Password string }

// The users.
var (
	Admin = User{"admin", "admin-hunter2"}
	Guest = User{"guest", "guest-hunter2"}
)

// Broker is a broker that runs.
type Broker struct {
	Plain, SASL, TLS string // addresses, by security protocol
	CA               string // of TLS, in PEM

	libs string
	dir  string
}

// Start starts a broker and stops it at the end of the test.
func Start(t testing.TB) *Broker {
	t.Helper()
	b := &Broker{libs: tools.Dir(t, "kafka"), dir: t.TempDir()}
	ports := tools.FreeAddresses(t, 4)
	b.Plain, b.SASL, b.TLS = ports[0], ports[1], ports[2]
	ca := certs.New(t)
	b.CA = ca.PEM
	pair := ca.Issue(t, "broker")
	b.write(t, "broker.pem", pair.Key+pair.Certificate)
	config := b.write(t, "server.properties", b.properties(ports[3]))
	format := b.java(t.Context(), "kafka.tools.StorageTool", "format", "-t", "kafkabrokerAAAAAAAAAAAQ", "-c", config)
	for _, u := range []User{Admin, Guest} {
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			format.Args = append(format.Args, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, u.Name, u.Password))
		}
	}
	if out, err := format.CombinedOutput(); err != nil {
		t.Fatalf("format the broker's storage: %v\n%s", err, out)
	}
	b.run(t, config)
	return b
}

func (b *Broker) write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (b *Broker) properties(controller string) string {
	plain := "org.apache.kafka.common.security.plain.PlainLoginModule required"
	for _, u := range []User{Admin, Guest} {
		plain += fmt.Sprintf(" user_%s=%q", u.Name, u.Password)
	}
	lines := []string{
		"process.roles=broker,controller", "node.id=1", "controller.quorum.voters=1@" + controller, "controller.listener.names=CONTROLLER",
		"listeners=PLAINTEXT://" + b.Plain + ",SASL_PLAINTEXT://" + b.SASL + ",SASL_SSL://" + b.TLS + ",CONTROLLER://" + controller,
		"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
		"inter.broker.listener.name=PLAINTEXT", "log.dirs=" + filepath.Join(b.dir, "data"),
		"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		"ssl.keystore.type=PEM", "ssl.keystore.location=" + filepath.Join(b.dir, "broker.pem"),
		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users=User:ANONYMOUS;User:" + Admin.Name,
		"auto.create.topics.enable=false", "offsets.topic.replication.factor=1", "transaction.state.log.replication.factor=1",
		"transaction.state.log.min.isr=1", "group.initial.rebalance.delay.ms=0", "num.io.threads=2", "num.network.threads=2",
	}
	for _, listener := range []string{"sasl_plaintext", "sasl_ssl"} {
		lines = append(lines, "listener.name."+listener+".plain.sasl.jaas.config="+plain+";")
		for _, scram := range []string{"scram-sha-256", "scram-sha-512"} {
			lines = append(lines, "listener.name."+listener+"."+scram+".sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;")
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// java prepares a program of Kafka's.
func (b *Broker) java(ctx context.Context, class string, args ...string) *exec.Cmd {
	all := append([]string{"-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(b.libs, "*"), class}, args...)
	cmd := exec.CommandContext(ctx, "java", all...)
	cmd.Dir = b.dir
	return cmd
}

// run starts the broker and waits until it says that it has started.
func (b *Broker) run(t testing.TB, config string) {
	t.Helper()
	logs := b.write(t, "log4j2.yaml", logging)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := b.java(ctx, "kafka.Kafka", config)
	cmd.Env = append(os.Environ(), "JAVA_TOOL_OPTIONS=-Dlog4j2.configurationFile="+logs)
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var (
		said    bytes.Buffer
		reading sync.WaitGroup
		started = make(chan bool, 1)
	)
	reading.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			fmt.Fprintln(&said, lines.Text())
			if strings.Contains(lines.Text(), "Kafka Server started") {
				started <- true
			}
		}
		started <- false
	})
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait() // it was killed
		in.Close()
		reading.Wait()
		if t.Failed() {
			t.Logf("the broker said:\n%s", said.String()[max(0, said.Len()-4000):])
		}
	})
	select {
	case ok := <-started:
		if !ok {
			t.Fatal("the broker did not start")
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("the broker takes too long to start")
	}
}

const logging = `Configuration:
  Appenders:
    Console:
      name: OUT
      PatternLayout:
        pattern: "%p %m (%c)%n"
  Loggers:
    Root:
      level: INFO
      AppenderRef:
        ref: OUT
`

// Consume reads a topic from its start with Kafka's own console consumer, as Admin over SASL_SSL, until n messages have come, and returns what
// it prints: by line, timestamp, partition, headers, key and value, with tabs between them.
func (b *Broker) Consume(t testing.TB, topic string, n int) []string {
	t.Helper()
	config := b.write(t, "consumer.properties", strings.Join([]string{
		"security.protocol=SASL_SSL", "sasl.mechanism=SCRAM-SHA-512", "ssl.truststore.type=PEM", "ssl.truststore.location=" + b.write(t, "ca.pem", b.CA),
		fmt.Sprintf("sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=%q password=%q;", Admin.Name, Admin.Password),
	}, "\n"))
	cmd := b.java(t.Context(), "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", b.TLS, "--topic", topic, "--from-beginning",
		"--max-messages", fmt.Sprint(n), "--timeout-ms", "60000", "--consumer.config", config)
	for _, property := range []string{"print.timestamp", "print.partition", "print.headers", "print.key"} {
		cmd.Args = append(cmd.Args, "--property", property+"=true")
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the console consumer: %v\n%s", err, errs.String())
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}
