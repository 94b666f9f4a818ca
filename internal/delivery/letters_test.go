package delivery_test

import (
	"encoding/json"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/logpb"
)

// deadLetter is a dead letter as its reader sees it.
type deadLetter struct {
	task   string
	fields map[string]string
	log    struct {
		Topic  string
		Fields map[string]string
	}
}

// readLetters reads the dead letters in a shard.
func readLetters(b *bed, s *catalog.Shard) (all []deadLetter) {
	b.t.Helper()
	from, _ := s.Stored.Bounds()
	for {
		batch, err := s.Stored.Read(from, 0, 1000, 1<<20)
		b.must(err)
		if len(batch.Groups) == 0 {
			return all
		}
		for _, g := range batch.Groups {
			raw, err := logpb.Decompress(nil, logpb.LZ4, g.Data, g.Raw)
			b.must(err)
			decoded, err := logpb.Decode(raw)
			b.must(err)
			for _, r := range decoded.Records {
				l := deadLetter{task: decoded.Topic, fields: map[string]string{}}
				for _, f := range r.Fields {
					l.fields[f.Key] = f.Value
				}
				b.must(json.Unmarshal([]byte(l.fields["log"]), &l.log))
				all = append(all, l)
			}
		}
		from = batch.Next
		batch.Release()
	}
}

// letters reads all dead letters of the project.
func (b *bed) letters() (all []deadLetter) {
	b.t.Helper()
	l, err := b.cat.Logstore(ctx, sluice.LogstoreRef{Project: project, Logstore: delivery.DeadLetters})
	b.must(err)
	for i := range l.Shards {
		all = append(all, readLetters(b, &l.Shards[i])...)
	}
	return all
}
