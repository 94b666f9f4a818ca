package query_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
)

// TestRareFields asks for words of fields that are too many to have columns: answers are those of the shard logs, and an index that knows
// where the words are saves reading the logs.
func TestRareFields(t *testing.T) {
	const names, logs = 600, 900
	r := rand.New(rand.NewPCG(5, 5))
	s := newSegmented(t)
	filler := strings.Repeat(" filler", 150) // so that there are several pages, which is as exact as the index is for rare words
	g := &sluice.LogGroup{}
	for i := range logs {
		rec := sluice.Record{Time: uint32(s.Clock.Now().Unix()) - uint32(r.IntN(1200)), Fields: []sluice.Field{
			{Key: fmt.Sprintf("rare %d", r.IntN(names)), Value: fmt.Sprintf("word-%d, some words of W%d", i, i%7) + filler},
			{Key: fmt.Sprintf("odd/%d", r.IntN(names)), Value: []string{"", "\xff", "登录 失败", `"quoted"`}[r.IntN(4)]},
		}}
		if i == 7 {
			rec.Fields = append(rec.Fields, sluice.Field{Key: "once upon", Value: "a time"}, sluice.Field{Key: "__rest__", Value: "hidden"})
		}
		g.Records = append(g.Records, rec)
	}
	if _, _, err := s.door.Append(t.Context(), catalogtest.Ref, g); err != nil {
		t.Fatal(err)
	}
	if err := s.index.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(time.Second)

	for _, search := range []string{
		"word-5", "W3", "some and not w3", "rare", "odd", "upon", "time", "17", "rare and 17", `#"words of"`, `#"of words"`, "wor*", "word-1?", "登录",
		"失败 w6", "quoted", "once upon", "hidden", "__rest__", "nowhere", "word-5 or word-6 or 599", "not some",
	} {
		s.compare(r, search)
	}
	for search, most := range map[string]int64{"word-5": logs / 2, "nowhere": logs / 2, "time": logs / 2} {
		x := s.explain(search, 1, true)
		if len(x.Conditions) != 1 || x.Conditions[0].Logs > most {
			t.Errorf("%s: %+v, want %d logs read whole at most", search, x.Conditions, most)
		}
	}
}
