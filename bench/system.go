package main

import (
	"fmt"
	"math/rand"
	"regexp"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

// systemLog is free text in the manner of a machine's system log: a line as a daemon or the kernel writes it, with the host and the
// level beside it. What varies in a line are numbers, addresses and ids; the rest is one of some thirty forms.
var systemLog = &dataset{
	name: "text", what: "system logs, free text",
	share: 3, groupRecords: 1000, topic: "syslog",
	apart: 10 * time.Millisecond,
	draw:  newSystemLog,
	index: index(text("host", "level", "line")),
	id:    func(row map[string]string) string { return address.FindString(row["line"]) },
	questions: []question{
		{name: "address", what: "one address, anywhere", search: "{id}", check: "line"},
		{
			name: "phrase", what: "phrase, newest 100", search: `#"Failed password"`, check: "__time__",
			floor: `SELECT * FROM logs WHERE contains(line, 'Failed password') ORDER BY __time__ DESC, __time_ns_part__ DESC LIMIT 100`,
		},
		{
			name: "count", what: "two words and not a third, count", search: "session and root and not closed", sql: "SELECT count(*) AS c", check: "c",
			floor: `SELECT count(*) AS c FROM logs WHERE regexp_matches(line, '\bsession\b') AND regexp_matches(line, '\broot\b') AND NOT contains(line, 'closed')`,
		},
		{name: "minutes", what: "level err, per-minute histogram", search: "level:err", histogram: time.Minute, check: "c"},
		{
			name: "hosts", what: "errors by host", search: "level:err", check: "c",
			sql:   "SELECT host, count(*) AS c GROUP BY host ORDER BY c DESC LIMIT 100",
			floor: "SELECT host, count(*) AS c FROM logs WHERE level = 'err' GROUP BY host ORDER BY c DESC LIMIT 100",
		},
		{
			name: "regex", what: "regular expression on the line, count", search: "*", check: "c",
			sql:   `SELECT count(*) AS c WHERE regexp_like(line, 'port 4[0-9]{3} ssh2$')`,
			floor: `SELECT count(*) AS c FROM logs WHERE regexp_matches(line, 'port 4[0-9]{3} ssh2$')`,
		},
		{
			name: "extract", what: "part of the line, top 10", search: "sshd", check: "c",
			sql: `SELECT regexp_extract(line, 'user (\w+)', 1) AS u, count(*) AS c GROUP BY u ORDER BY c DESC LIMIT 10`,
			floor: `SELECT regexp_extract(line, 'user (\w+)', 1) AS u, count(*) AS c FROM logs WHERE contains(line, 'sshd[')
				GROUP BY u ORDER BY c DESC LIMIT 10`,
		},
	},
}

const systemLogSeed = 7

var address = regexp.MustCompile(`[0-9]+(\.[0-9]+){3}`)

// A form is a program, the level it logs at, and a line. In the line %a is an address, %n a number, %p a port, %x 12 hexadecimal
// digits, %u a user, %d a device and %s a service.
var forms = []struct{ program, level, line string }{
	{"sshd", "info", "Accepted publickey for %u from %a port %p ssh2: ED25519 SHA256:%x%x%x"},
	{"sshd", "info", "Connection closed by authenticating user %u %a port %p [preauth]"},
	{"sshd", "warning", "Failed password for invalid user %u from %a port %p ssh2"},
	{"sshd", "warning", "Failed password for %u from %a port %p ssh2"},
	{"sshd", "info", "pam_unix(sshd:session): session opened for user %u(uid=%n) by (uid=0)"},
	{"sshd", "info", "pam_unix(sshd:session): session closed for user %u"},
	{"sudo", "notice", "%u : TTY=pts/%n ; PWD=/home/%u ; USER=root ; COMMAND=/usr/bin/systemctl restart %s"},
	{"sudo", "info", "pam_unix(sudo:session): session opened for user root(uid=0) by %u(uid=%n)"},
	{"CRON", "info", "(root) CMD (   cd / && run-parts --report /etc/cron.hourly)"},
	{"CRON", "info", "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)"},
	{"systemd", "info", "Started %s.service - the %s daemon."},
	{"systemd", "info", "%s.service: Deactivated successfully."},
	{"systemd", "info", "%s.service: Consumed %n.%ns CPU time."},
	{"systemd", "err", "%s.service: Main process exited, code=exited, status=%n/FAILURE"},
	{"systemd", "warning", "%s.service: Scheduled restart job, restart counter is at %n."},
	{"kernel", "info", "[%n.%n] %d: renamed from veth%x"},
	{"kernel", "info", "[%n.%n] docker0: port %n(veth%x) entered forwarding state"},
	{"kernel", "warning", "[%n.%n] TCP: request_sock_TCP: Possible SYN flooding on port %p. Sending cookies."},
	{"kernel", "err", "[%n.%n] Out of memory: Killed process %n (%s) total-vm:%nkB, anon-rss:%nkB, file-rss:%nkB"},
	{"kernel", "err", "[%n.%n] I/O error, dev %d, sector %n op 0x0:(READ) flags 0x80700 phys_seg %n prio class 2"},
	{"kernel", "warning", "[%n.%n] [UFW BLOCK] IN=%d OUT= MAC=%x SRC=%a DST=%a LEN=%n TTL=%n PROTO=TCP SPT=%p DPT=%p"},
	{"dhclient", "info", "DHCPREQUEST for %a on %d to %a port 67 (xid=0x%x)"},
	{"dhclient", "info", "bound to %a -- renewal in %n seconds."},
	{"postfix/smtpd", "info", "connect from unknown[%a]"},
	{"postfix/smtp", "info", "%x: to=<%u@example.net>, relay=mx.example.net[%a]:25, delay=%n.%n, status=sent (250 2.0.0 Ok: queued as %x)"},
	{"postfix/smtp", "err", "%x: to=<%u@example.org>, relay=none, delay=%n, status=deferred (connect to mx.example.org[%a]:25: Connection timed out)"},
	{"chronyd", "info", "Selected source %a (pool.example.net)"},
	{"named", "info", "client @0x%x %a#%p (www.example.com): query: www.example.com IN A +E(0)K (%a)"},
	{"rsyslogd", "warning", "action 'action-%n-builtin:omfwd' suspended (module 'builtin:omfwd'), retry %n"},
	{"containerd", "info", `time="2026-01-01T00:00:%nZ" level=info msg="shim disconnected" id=%x%x namespace=k8s.io`},
}

var (
	users   = strings.Fields("root root root admin deploy git postgres ubuntu oracle test guest backup nagios jenkins")
	devices = strings.Fields("eth0 eth1 sda sdb nvme0n1 nvme1n1 vda")
	daemons = strings.Fields("nginx postgresql redis docker kubelet fstrim logrotate snapd certbot mysqld")
)

func newSystemLog(at time.Time) func() sluice.Record {
	r := dice{rand.New(rand.NewSource(systemLogSeed))}
	return func() sluice.Record {
		at = at.Add(time.Duration(r.Intn(20)) * time.Millisecond)
		f, host := forms[r.Intn(len(forms))], fmt.Sprintf("host-%03d", r.Intn(200))
		line := fmt.Sprintf("%s %s %s[%d]: %s", at.UTC().Format(time.Stamp), host, f.program, 300+r.Intn(60000), r.fill(f.line))
		return record(at, "host", host, "level", f.level, "line", line)
	}
}

// fill replaces the places of a form.
func (d dice) fill(form string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(form, "%")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		switch rest[0] {
		case 'a':
			fmt.Fprintf(&b, "%d.%d.%d.%d", 1+d.Intn(223), d.Intn(256), d.Intn(256), d.Intn(256))
		case 'n':
			fmt.Fprint(&b, d.Intn(1<<d.Intn(20)))
		case 'p':
			fmt.Fprint(&b, 1024+d.Intn(60000))
		case 'x':
			b.WriteString(d.letters(12, hexDigits))
		case 'u':
			b.WriteString(d.pick(users))
		case 'd':
			b.WriteString(d.pick(devices))
		case 's':
			b.WriteString(d.pick(daemons))
		}
		form = rest[1:]
	}
}
