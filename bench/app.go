package main

import (
	"fmt"
	"math/rand"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

// app is what services of a shop log as JSON: 25 fields, most of few values, five of them numbers, three of them ids, one of them
// an object with numbers inside.
var app = &dataset{
	name: "app", what: "application JSON, 25 fields",
	share: 6, groupRecords: 400, topic: "app",
	apart: 20 * time.Millisecond,
	draw:  newApp,
	index: index(
		text("level", "logger", "service", "version", "env", "region", "zone", "pod", "node", "thread", "trace_id", "span_id", "request_id",
			"user_id", "tenant", "method", "path", "error", "message", "client"),
		long("status", "bytes_out", "db_calls"), double("duration_ms"),
		map[string]any{"context": map[string]any{
			"type": "json", "token": delimiters, "doc_value": true, "index_all": true, "max_depth": -1,
			"json_keys": map[string]any{
				"cart.items": map[string]any{"type": "long", "doc_value": true},
				"cart.total": map[string]any{"type": "double", "doc_value": true},
			},
		}},
	),
	id: func(row map[string]string) string { return row["trace_id"] },
	questions: []question{
		{
			name: "id", what: "unique id in its field", search: "trace_id:{id}", check: "trace_id",
			floor: "SELECT * FROM logs WHERE trace_id = '{id}'",
		},
		{
			name: "newest", what: "errors of a service, newest 100", search: "level:ERROR and service:payment", check: "__time__",
			floor: `SELECT * FROM logs WHERE level = 'ERROR' AND service = 'payment' ORDER BY __time__ DESC, __time_ns_part__ DESC LIMIT 100`,
		},
		{name: "count", what: "a word in any field, count", search: "timeout", sql: "SELECT count(*) AS c", check: "c"},
		{
			name: "services", what: "avg and p99 by service", search: "*", check: "c",
			sql:   "SELECT service, count(*) AS c, avg(duration_ms) AS a, approx_percentile(duration_ms, 0.99) AS p GROUP BY service",
			floor: "SELECT service, count(*) AS c, avg(duration_ms) AS a, approx_quantile(duration_ms, 0.99) AS p FROM logs GROUP BY service",
		},
		{
			name: "leaf", what: "number inside an object, sum by region", search: "context.cart.total > 400", check: "c",
			sql: `SELECT region, count(*) AS c, sum("context.cart.items") AS s GROUP BY region`,
			floor: `SELECT region, count(*) AS c, sum((context::JSON ->> '$.cart.items')::BIGINT) AS s FROM logs
				WHERE (context::JSON ->> '$.cart.total')::DOUBLE > 400 GROUP BY region`,
		},
		{
			name: "paths", what: "top 10 paths of slow requests", search: "duration_ms > 500", check: "c",
			sql:   "SELECT path, count(*) AS c GROUP BY path ORDER BY c DESC LIMIT 10",
			floor: "SELECT path, count(*) AS c FROM logs WHERE duration_ms > 500 GROUP BY path ORDER BY c DESC LIMIT 10",
		},
	},
}

const appSeed = 25

var (
	levels   = strings.Fields("INFO INFO INFO INFO INFO INFO INFO DEBUG DEBUG WARN WARN ERROR")
	services = strings.Fields("cart catalog checkout gateway inventory mail payment recommendation review search session user")
	regions  = strings.Fields("eu-central eu-north us-east us-west cn-hangzhou")
	actions  = strings.Fields("load store check reserve release price render index notify refund")
	things   = strings.Fields("order cart item user session voucher invoice image page stock")
	failures = []string{
		"connection timeout to upstream", "deadline exceeded", "constraint violated: duplicate key", "unexpected end of JSON input",
		"circuit breaker is open", "permission denied for tenant",
	}
	clients = []string{"ios/5.2.1", "ios/5.1.0", "android/8.0.3", "android/7.9.9", "web/2026.4", "partner-api/3"}
)

func newApp(at time.Time) func() sluice.Record {
	r := dice{rand.New(rand.NewSource(appSeed))}
	paths, users := rand.NewZipf(r.Rand, 1.3, 3, 2000), rand.NewZipf(r.Rand, 1.05, 50, 1_000_000)
	return func() sluice.Record {
		at = at.Add(time.Duration(r.Intn(40)) * time.Millisecond)
		level, service, action, thing := r.pick(levels), r.pick(services), r.pick(actions), r.pick(things)
		status, failure := r.pick(statuses), ""
		took := r.ExpFloat64() * 80
		if level == "ERROR" {
			status, failure, took = "500", r.pick(failures), took*10
		}
		path := paths.Uint64()
		return record(at,
			"level", level,
			"logger", fmt.Sprintf("shop.%s.%s.%sHandler", service, thing, action),
			"service", service,
			"version", fmt.Sprintf("4.%d.%d", r.Intn(3), r.Intn(20)),
			"env", "production",
			"region", r.pick(regions),
			"zone", r.letters(1, "abc"),
			"pod", fmt.Sprintf("%s-%s-%s", service, r.letters(1, "789abc")+"f6d4c", r.letters(2, "bcdf")),
			"node", fmt.Sprintf("node-%03d", r.Intn(120)),
			"thread", fmt.Sprintf("worker-%d", r.Intn(64)),
			"trace_id", r.letters(32, hexDigits),
			"span_id", r.letters(16, hexDigits),
			"request_id", fmt.Sprintf("%s-%s-%s", r.letters(8, hexDigits), r.letters(4, hexDigits), r.letters(12, hexDigits)),
			"user_id", fmt.Sprint(users.Uint64()),
			"tenant", fmt.Sprintf("t%03d", r.Intn(300)),
			"method", r.pick(methods),
			"path", fmt.Sprintf("/v2/%ss/%d/%s", things[path%10], path, actions[path%7]),
			"status", status,
			"bytes_out", fmt.Sprint(r.Intn(200_000)),
			"db_calls", fmt.Sprint(r.Intn(12)),
			"duration_ms", fmt.Sprintf("%.2f", took),
			"error", failure,
			"client", r.pick(clients),
			"context", fmt.Sprintf(`{"cart":{"items":%d,"total":%.2f},"locale":%q,"flags":["f%d","f%d"]}`,
				r.Intn(9), r.ExpFloat64()*90, r.pick(regions)[:2], r.Intn(40), r.Intn(40)),
			"message", fmt.Sprintf("%s %s %d for user in %.2f ms", action, thing, r.Intn(1_000_000), took),
		)
	}
}
