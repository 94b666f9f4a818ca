package main

import (
	"math/rand"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

// A dataset is a kind of logs, drawn one by one from a fixed seed, with the index that makes them searchable and the questions that
// are asked of them. There is one file for each.
type dataset struct {
	name, what   string
	share        int           // one record in so many of -records: other sets are smaller than the web logs
	groupRecords int           // records in a log group
	topic        string        // of the log groups
	apart        time.Duration // mean time between records
	draw         func(at time.Time) func() sluice.Record
	index        map[string]any
	id           func(row map[string]string) string // what the questions call {id}, of a log
	questions    []question
}

var datasets = []*dataset{weblogs, app, systemLog, hostile}

// group gathers the next records to a log group.
func (d *dataset) group(next func() sluice.Record) *sluice.LogGroup {
	g := &sluice.LogGroup{Topic: d.topic, Source: "10.0.0.1", Records: make([]sluice.Record, d.groupRecords)}
	for i := range g.Records {
		g.Records[i] = next()
	}
	return g
}

// dice are what generators draw from.
type dice struct{ *rand.Rand }

func (d dice) pick(from []string) string { return from[d.Intn(len(from))] }

// letters draws n of an alphabet's bytes.
func (d dice) letters(n int, alphabet string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[d.Intn(len(alphabet))]
	}
	return string(b)
}

const (
	hexDigits = "0123456789abcdef"
	base62    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// record makes a record of keys and values in turn.
func record(at time.Time, pairs ...string) sluice.Record {
	r := sluice.Record{Time: uint32(at.Unix()), Nanos: uint32(at.Nanosecond()), Fields: make([]sluice.Field, 0, len(pairs)/2)}
	for pair := range slices.Chunk(pairs, 2) {
		r.Fields = append(r.Fields, sluice.Field{Key: pair[0], Value: pair[1]})
	}
	return r
}

// Index configurations, as CreateIndex takes them.

var delimiters = append(strings.Split(", ' \" ; = ( ) [ ] { } ? @ & < > / : \n \t \r", " "), " ")

// index makes a configuration of a full-text index and keys; later keys win.
func index(keys ...map[string]any) map[string]any {
	all := map[string]any{}
	for _, some := range keys {
		for name, key := range some {
			all[name] = key
		}
	}
	return map[string]any{"line": map[string]any{"token": delimiters, "caseSensitive": false}, "keys": all}
}

func text(names ...string) map[string]any {
	return alike(names, map[string]any{"type": "text", "token": delimiters, "caseSensitive": false, "doc_value": true})
}

func chinese(names ...string) map[string]any {
	return alike(names, map[string]any{"type": "text", "token": delimiters, "caseSensitive": false, "chn": true, "doc_value": true})
}

func long(names ...string) map[string]any {
	return alike(names, map[string]any{"type": "long", "doc_value": true})
}

func double(names ...string) map[string]any {
	return alike(names, map[string]any{"type": "double", "doc_value": true})
}

func alike(names []string, key map[string]any) map[string]any {
	keys := map[string]any{}
	for _, name := range names {
		keys[name] = key
	}
	return keys
}
