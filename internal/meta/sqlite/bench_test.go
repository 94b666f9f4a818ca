package sqlite

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/sluicelog/sluice/internal/meta"
)

// One document in each transaction, from one writer and from sixteen.
func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s, err := Open(filepath.Join(b.TempDir(), "meta.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			if err := s.Update(b.Context(), func(tx meta.Tx) error { return tx.CreateProject(meta.Project{Name: "p"}) }); err != nil {
				b.Fatal(err)
			}
			var n atomic.Int64
			body := json.RawMessage(`{"configName":"c","inputType":"file","inputDetail":{"logType":"json_log"}}`)
			b.SetParallelism((writers + 1) / 2)
			b.ResetTimer()
			run := func() error {
				return s.Update(b.Context(), func(tx meta.Tx) error {
					return tx.CreateDocument(meta.Document{Project: "p", Kind: "config", Name: fmt.Sprint(n.Add(1)), Body: body})
				})
			}
			if writers == 1 {
				for range b.N {
					if err := run(); err != nil {
						b.Fatal(err)
					}
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := run(); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
