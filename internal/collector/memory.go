package collector

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// reportEvery is the time between two reports of the memory.
const reportEvery = 5 * time.Minute

// ReportMemory gives memory back to the system every five minutes, and says in the log how much there was before and after. It is for a process that
// is a collector and nothing else, and returns when ctx ends.
func (c *Collector) ReportMemory(ctx context.Context) {
	for sleep(ctx, reportEvery) == nil {
		before, err := readMemory()
		if err != nil {
			return // no such system: nothing is said
		}
		debug.FreeOSMemory()
		after, err := readMemory()
		if err != nil {
			return
		}
		c.tell(slog.LevelInfo, "MainThread", "", "", "", memoryLine(before, after))
	}
}

// memory is what a process takes, and how full the machine is.
type memory struct {
	used     float64 // of the machine's memory, in percent
	rss, vms uint64  // bytes
}

func memoryLine(before, after memory) string {
	return fmt.Sprintf("[GC] global: %.1f%% -> %.1f%%, process: RSS(%s -> %s), VMS(%s -> %s)",
		before.used, after.used, sizeText(before.rss), sizeText(after.rss), sizeText(before.vms), sizeText(after.vms))
}

// sizeText is a size such as 77.11MiB.
func sizeText(n uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	size, unit := float64(n), 0
	for size >= 1024 && unit < len(units)-1 {
		size /= 1024
		unit++
	}
	return fmt.Sprintf("%.2f%s", size, units[unit])
}

// readMemory asks the kernel, as Linux answers.
func readMemory() (m memory, err error) {
	machine, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return m, err
	}
	own, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return m, err
	}
	return parseMemory(string(machine), string(own), uint64(os.Getpagesize()))
}

func parseMemory(meminfo, statm string, page uint64) (m memory, err error) {
	if _, err = fmt.Sscan(statm, &m.vms, &m.rss); err != nil {
		return m, fmt.Errorf("read statm: %w", err)
	}
	m.vms *= page
	m.rss *= page
	var total, available float64
	for line := range strings.Lines(meminfo) {
		name, rest, _ := strings.Cut(line, ":")
		target := map[string]*float64{"MemTotal": &total, "MemAvailable": &available}[name]
		if target == nil {
			continue
		}
		if _, err := fmt.Sscan(rest, target); err != nil {
			return m, fmt.Errorf("read meminfo: %w", err)
		}
	}
	if total == 0 {
		return m, fmt.Errorf("meminfo does not tell the memory of the machine")
	}
	m.used = 100 * (1 - available/total)
	return m, nil
}
