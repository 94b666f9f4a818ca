package query

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/amend"
	"github.com/sluicelog/sluice/internal/shard"
)

// maxTopics bounds the distinct topics that are kept while looking for a page of them.
const maxTopics = 100_000

// Topics returns up to line topics of the logs held, in order, from token on, and the token of the next page, "" if there is
// none. The first token is "".
func (e *Engine) Topics(ctx context.Context, ref sluice.LogstoreRef, token string, line int) (topics []string, next string, err error) {
	l, err := e.cat.Logstore(ctx, ref)
	if err != nil {
		return nil, "", err
	}
	amended, err := e.o.Amended.View(ctx, l)
	if err != nil {
		return nil, "", err
	}
	var mu sync.Mutex
	seen := map[string]bool{}
	see := func(topic string) {
		mu.Lock()
		defer mu.Unlock()
		if topic >= token && len(seen) < maxTopics && !seen[topic] {
			seen[strings.Clone(topic)] = true
		}
	}
	var readers []*reader
	for i := range l.Shards {
		id := l.Shards[i].ID
		readers = append(readers, &reader{shard: &l.Shards[i], from: logBegin, to: logEnd, fn: func(at *shard.Group, g *sluice.LogGroup) {
			if amended == nil {
				see(g.Topic)
				return
			}
			some := false // logs are as they were written
			for i := range g.Records {
				p := amend.Place{Shard: id, Position: at.Position, Index: int32(i)}
				if !amended.Hides(p) {
					some = true
				} else if now := amended.Now(p); now != nil {
					see(now.Log.Topic)
				}
			}
			if some {
				see(g.Topic)
			}
		}})
	}
	complete, err := e.read(e.budget(ctx), readers)
	if err != nil {
		return nil, "", err
	}
	if !complete {
		return nil, "", sluice.Errorf(sluice.Unavailable, "server", "listing the topics took too long, please retry")
	}
	topics = make([]string, 0, len(seen))
	for t := range seen {
		topics = append(topics, t)
	}
	slices.Sort(topics)
	if len(topics) > line {
		return topics[:line], topics[line], nil
	}
	return topics, "", nil
}
