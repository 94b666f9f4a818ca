package collector_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/collector"
	"github.com/sluicelog/sluice/internal/collector/predefined"
)

const seedConfig = `{"globals":{"debug":false,"id":"12341","name":"alibaba","persistence":{"type":"filesystem","config":{"directory_name":"state"}}},
 "inputs":{"alibaba":{"id":"12341","enabled":true,
  "credentials":{"access_key_id":"AK","access_key_secret":"${SECRET}"},
  "services":{"actiontrail":{"region":"cn-hangzhou","request_period_in_seconds":60,"initial_start_time_in_utc":"2026-01-01T00:00:00Z"},
   "actiontrail_log_service":{"endpoint":"cn-hangzhou.log.example","project":"audit","logstore":"actiontrail_main","initial_start_time_in_utc":"2026-01-01T00:00:00Z"},
   "smq":{"endpoint":"http://1234567890123456.mns.cn-hangzhou.example","queue":"q1"}}}},
 "outputs":{"devo_1":{"type":"devo_platform","config":{"address":"collector-eu.devo.io","port":443,"type":"SSL","chain":"chain.crt","cert":"c.crt","key":"c.key"}}}}`

func parse(text string) (*collector.Collector, error) {
	c, err := collector.Parse([]byte(text), func(name string) string {
		return map[string]string{"SECRET": "s3cret"}[name]
	})
	if err != nil {
		return nil, err
	}
	return collector.New(c, collector.Options{Kinds: predefined.Services()})
}

// The layout of the collector that we follow is read, as JSON and as YAML, where a date without quotes is one, too.
func TestConfig(t *testing.T) {
	if _, err := parse(seedConfig); err != nil {
		t.Error(err)
	}
	c, err := collector.Parse([]byte(seedConfig), func(string) string { return "s3cret" })
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Inputs["alibaba"].Credentials.AccessKeySecret.Reveal(); got != "s3cret" {
		t.Errorf("the secret is %q", got)
	}
	if shown, err := json.Marshal(c); err != nil || strings.Contains(string(shown), "s3cret") {
		t.Errorf("%v: the configuration shows its secret: %s", err, shown)
	}
	if got, want := c.StateDir("/etc/collect/a.yaml"), "/etc/collect/state"; got != want {
		t.Errorf("state in %s, want %s", got, want)
	}
	if _, err := parse(`
inputs:
  a:
    credentials: {access_key_id: k, access_key_secret: s}
    services:
      actiontrail: {region: cn-test, initial_start_time_in_utc: 2026-01-01T00:00:00Z}
outputs: {o: {type: http, config: {}}}
`); err != nil {
		t.Error(err)
	}
}

// What cannot be meant is refused, and the error says where it is.
func TestConfigRefuses(t *testing.T) {
	f := func(old, new, want string) {
		t.Helper()
		text := strings.Replace(seedConfig, old, new, 1)
		if text == seedConfig {
			t.Fatalf("%s is not in the configuration", old)
		}
		if _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s instead of %s: got %v, want an error with %q", new, old, err, want)
		}
	}
	f(`"globals"`, `"global"`, `unknown field "global"`)
	f(`"filesystem"`, `"redis"`, "globals.persistence.type")
	f(`${SECRET}`, `${OTHER}`, "inputs.alibaba.credentials.access_key_secret: the environment has no variable OTHER")
	f(`"smq":`, `"sms":`, "inputs.alibaba.services.sms: there is no such service; there are access_log_service, actiontrail")
	f(`"inputs":{"alibaba"`, `"inputs":{"ali.baba"`, "inputs:")
	f(`"enabled":true`, `"enabled":false`, "there is no service to run")
	f(`"request_period_in_seconds":60`, `"request_period_in_seconds":1e9`, "request_period_in_seconds")
	f(`"request_period_in_seconds":60`, `"request_period_in_seconds":"often"`, "request_period_in_seconds: a string cannot stand there")
	f(`"outputs":{`, `"outputs":{}, "x":{`, "unknown field")
	if _, err := parse("a: &a [*a, *a]"); err == nil {
		t.Error("a document that holds itself was read")
	}
	if _, err := parse(strings.Repeat(" ", 2<<20)); err == nil {
		t.Error("a huge file was read")
	}
}

// FuzzConfig: whatever is in the file, reading it ends.
func FuzzConfig(f *testing.F) {
	f.Add(seedConfig)
	f.Add("inputs: {a: {services: {smq: null}}}\noutputs: {a: {}}")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = parse(text) })
}
