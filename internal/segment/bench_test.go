package segment_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/segment"
	"github.com/sluicelog/sluice/internal/vfs"
)

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func openStore(t testing.TB, dir string) objects.Store {
	d, err := objects.OpenDir(vfs.OS{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// BenchmarkBuild builds segments of a full group each.
func BenchmarkBuild(b *testing.B) {
	const rows = 122880
	w := newWeblogs(1)
	all := make([]segment.Row, rows)
	for i := range all {
		all[i] = w.row()
	}
	for _, fast := range []bool{true, false} {
		b.Run(fmt.Sprintf("fast=%v", fast), func(b *testing.B) {
			dir := os.Getenv("SEGMENT_DIR")
			if dir == "" {
				dir = b.TempDir()
			}
			store := openStore(b, dir)
			o := weblogsOptions()
			o.Fast = fast
			var info segment.Info
			before := cpu()
			for b.Loop() {
				builder := segment.NewBuilder(o)
				for i := range all {
					builder.Add(&all[i])
				}
				var err error
				if info, err = builder.Write(b.Context(), store, fmt.Sprintf("fast-%v", fast)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(info.Bytes)*float64(b.N)/1e6/(cpu()-before).Seconds(), "MB/cpu-s")
			b.ReportMetric(float64(info.Parquet)/rows, "parquet-B/row")
			b.ReportMetric(float64(info.Index)/rows, "index-B/row")
		})
	}
}
