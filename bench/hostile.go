package main

import (
	"fmt"
	"math/rand"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

// hostile is what an index is worst at: ids that nothing repeats and nothing compresses, 2,000 different field names of which a log
// has four to eleven, Chinese text without spaces, and one log in 2,000 with a line of a megabyte, half of it noise.
var hostile = &dataset{
	name: "hostile", what: "adversarial: ids, 2,000 fields, 1 MB lines, Chinese",
	share: 30, groupRecords: 100, topic: "hostile",
	apart: 50 * time.Millisecond,
	draw:  newHostile,
	index: index(text("id", "blob", "f_0007", "f_1999"), chinese("说明")),
	id:    func(row map[string]string) string { return row["id"] },
	questions: []question{
		{
			name: "id", what: "unique id, anywhere", search: "{id}", check: "id",
			floor: "SELECT id FROM logs WHERE id = '{id}'",
		},
		{
			name: "prefix", what: "prefix of an id, count", search: "id:{id:4}*", sql: "SELECT count(*) AS c", check: "c",
			floor: "SELECT count(*) AS c FROM logs WHERE starts_with(lower(id), lower('{id:4}'))",
		},
		{name: "field", what: "logs that have one field of 2,000, count", search: "f_0007:*", sql: "SELECT count(*) AS c", check: "c"},
		{
			name: "chinese", what: "Chinese words, newest 100", search: "说明:支付 and 说明:超时", check: "__time__",
			floor: `SELECT * FROM logs WHERE contains(说明, '支付') AND contains(说明, '超时') ORDER BY __time__ DESC, __time_ns_part__ DESC LIMIT 100`,
		},
		{name: "needle", what: "a word inside the 1 MB lines, count", search: "needle", sql: "SELECT count(*) AS c", check: "c"},
		{
			name: "distinct", what: "exact distinct of ids", search: "*", sql: "SELECT count(DISTINCT id) AS c", check: "c",
			floor: "SELECT count(DISTINCT id) AS c FROM logs",
		},
	},
}

const (
	hostileSeed   = 2000
	hostileFields = 2000
	longLine      = 1 << 20 // bytes
	longLineEach  = 2000    // records
)

// Chinese words; sentences put them next to each other.
var chineseWords = strings.Fields("用户 登录 支付 订单 失败 成功 超时 重试 服务器 数据库 连接 请求 响应 网络 错误 缓存 任务 队列 消息 系统")

func newHostile(at time.Time) func() sluice.Record {
	r := dice{rand.New(rand.NewSource(hostileSeed))}
	n := 0
	return func() sluice.Record {
		at = at.Add(time.Duration(r.Intn(100)) * time.Millisecond)
		pairs := []string{"id", r.letters(43, base62), "blob", r.letters(100+r.Intn(200), base62+"+/"), "说明", r.sentence()}
		for range 1 + r.Intn(8) {
			name := fmt.Sprintf("f_%04d", r.Intn(hostileFields))
			pairs = append(pairs, name, r.letters(8+r.Intn(16), hexDigits))
		}
		if n++; n%longLineEach == 0 {
			pairs = append(pairs, "line", r.longLine())
		}
		return record(at, pairs...)
	}
}

func (d dice) sentence() string {
	var b strings.Builder
	for range 3 + d.Intn(8) {
		b.WriteString(d.pick(chineseWords))
	}
	b.WriteString("。")
	return b.String()
}

// longLine is a megabyte of words and noise in turn, with the word needle after a quarter of it: only the first half is searched.
func (d dice) longLine() string {
	var b strings.Builder
	b.Grow(longLine + 256)
	for needle := false; b.Len() < longLine; {
		b.WriteString(d.letters(64, base62))
		for range 8 {
			b.WriteByte(' ')
			b.WriteString(d.pick(words))
		}
		b.WriteByte(' ')
		if !needle && b.Len() >= longLine/4 {
			b.WriteString("needle ")
			needle = true
		}
	}
	return b.String()[:longLine]
}
