package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// control measures the control plane: a project of very many logstores and shards, lists of them, the start of a server that has them, and
// how fast many clients at once change configurations.
func (b *bench) control(ctx context.Context) error {
	env := []string{
		fmt.Sprintf("SLUICE_LIMITS_LOGSTORES_PER_PROJECT=%d", b.logstores), fmt.Sprintf("SLUICE_LIMITS_SHARDS_PER_PROJECT=%d", b.logstores*shardsOfMany),
		"SLUICE_LIMITS_DOCUMENTS_PER_KIND=1000000",
	}
	s, err := b.start(ctx, "", env...)
	if err != nil {
		return err
	}
	if err := b.makeMany(ctx, s); err != nil {
		return err
	}
	if err := b.changeConfigs(ctx, s); err != nil {
		return err
	}
	if err := b.list(s, "list_configs", "list of configurations, a page of 500 of all that were made", "/configs", "configs", ""); err != nil {
		return err
	}
	what := fmt.Sprintf("ListLogStores, a page of 500 of %d", b.logstores)
	if err := b.list(s, "list_logstores", what, "/logstores", "logstores", "≤ 1000"); err != nil {
		return err
	}
	started := time.Now()
	if n, err := listAll(s, "/logstores", "logstores"); err != nil || n != b.logstores {
		return fmt.Errorf("listed %d of %d logstores: %w", n, b.logstores, err)
	}
	b.report.add("control", "list_all", "… all pages one after another", "ms", "≤ 1000", milliseconds(time.Since(started)))
	return b.restartMany(ctx, s, env)
}

// shardsOfMany is the shards of each of many logstores.
const shardsOfMany = 10

// makeMany makes the logstores.
func (b *bench) makeMany(ctx context.Context, s *server) error {
	c, err := dial(s.Addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.post("/", map[string]any{"projectName": project}); err != nil {
		return err
	}
	started := time.Now()
	var next atomic.Int64
	err = each(ctx, s, connections, func(ctx context.Context, c *conn) error {
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= b.logstores {
				return nil
			}
			store := map[string]any{"logstoreName": fmt.Sprintf("store-%05d", i), "ttl": 30, "shardCount": shardsOfMany}
			if err := c.post("/logstores", store); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	what := fmt.Sprintf("logstores of %d shards made, up to %d of them", shardsOfMany, b.logstores)
	b.report.add("control", "make_logstores", what, "/s", "", float64(b.logstores)/time.Since(started).Seconds())
	return nil
}

// changeConfigs has 16 clients make configurations, and then replace them.
func (b *bench) changeConfigs(ctx context.Context, s *server) error {
	for _, w := range []struct {
		name, what string
		write      func(c *conn, i int) error
	}{
		{"create_configs", "configurations made by 16 clients at once, each synced", func(c *conn, i int) error { return c.post("/configs", configuration(i)) }},
		{"update_configs", "… replaced", func(c *conn, i int) error {
			return c.send(http.MethodPut, fmt.Sprintf("/configs/config-%d", i), configuration(i))
		}},
	} {
		var next atomic.Int64
		cpu, wall, err := s.measure(func() error {
			return each(ctx, s, connections, func(ctx context.Context, c *conn) error {
				for ctx.Err() == nil {
					i := int(next.Add(1)) - 1
					if i >= b.configs {
						return nil
					}
					if err := w.write(c, i); err != nil {
						return err
					}
				}
				return ctx.Err()
			})
		})
		if err != nil {
			return err
		}
		b.report.add("control", w.name, w.what, "/s", "≥ 1000", float64(b.configs)/wall.Seconds())
		b.report.add("control", w.name+"_cpu", "… processor time of each", "ms", "", milliseconds(cpu)/float64(b.configs))
	}
	return nil
}

func configuration(i int) map[string]any {
	return map[string]any{
		"configName": fmt.Sprintf("config-%d", i), "inputType": "file",
		"inputDetail": map[string]any{
			"logType": "json_log", "logPath": "/var/log/app", "filePattern": "*.log", "topicFormat": "none", "localStorage": true,
			"filterKey": []string{}, "filterRegex": []string{}, "fileEncoding": "utf8", "maxDepth": 100, "preserve": true, "tailExisted": false,
		},
		"outputType": "LogService", "outputDetail": map[string]any{"projectName": project, "logstoreName": "store-00000", "compressType": "lz4"},
	}
}

// list measures one page of a list.
func (b *bench) list(s *server, name, what, path, key, goal string) error {
	c, err := dial(s.Addr)
	if err != nil {
		return err
	}
	defer c.Close()
	var took sample
	for range max(3, b.asks) {
		started := time.Now()
		if _, _, err := c.page(path, key, 0); err != nil {
			return err
		}
		took.add(milliseconds(time.Since(started)))
	}
	b.report.add("control", name, what, "ms", goal, median(took))
	return nil
}

// listAll reads all pages of a list and returns how many entries there are.
func listAll(s *server, path, key string) (n int, err error) {
	c, err := dial(s.Addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	for {
		entries, total, err := c.page(path, key, n)
		if n += entries; err != nil || n >= total || entries == 0 {
			return n, err
		}
	}
}

// page reads one page of a list.
func (c *conn) page(path, key string, offset int) (entries, total int, err error) {
	var answer bytes.Buffer
	if _, err := c.do(http.MethodGet, path, fmt.Sprintf("offset=%d&size=500", offset), http.Header{}, nil, &answer); err != nil {
		return 0, 0, err
	}
	var page map[string]json.RawMessage
	var names []string
	if err := json.Unmarshal(answer.Bytes(), &page); err != nil {
		return 0, 0, err
	}
	if err := json.Unmarshal(page[key], &names); err != nil {
		return 0, 0, err
	}
	return len(names), total, json.Unmarshal(page["total"], &total)
}

// restartMany stops the server and measures its next start.
func (b *bench) restartMany(ctx context.Context, s *server, env []string) error {
	if err := s.Stop(); err != nil {
		return err
	}
	s, err := b.start(ctx, s.dir, env...)
	if err != nil {
		return err
	}
	b.report.add("control", "start_many", fmt.Sprintf("start with %d shards", b.logstores*shardsOfMany), "s", "≤ 30", s.ReadyAfter.Seconds())
	rss, err := s.memory("VmRSS")
	if err != nil {
		return err
	}
	b.report.add("control", "start_many_rss", "… resident memory then", "MB", "", rss)
	if n, err := listAll(s, "/logstores", "logstores"); err != nil || n != b.logstores {
		return fmt.Errorf("after the start there are %d of %d logstores: %w", n, b.logstores, err)
	}
	return s.stop()
}
