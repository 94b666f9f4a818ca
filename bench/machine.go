package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Machine is what a number means nothing without.
type Machine struct {
	CPU       string  `json:"cpu"`
	Cores     int     `json:"cores"`
	MemoryGiB float64 `json:"memoryGiB"`
	Kernel    string  `json:"kernel"`
	Go        string  `json:"go"`
	FS        string  `json:"filesystem"`
	FsyncP50  float64 `json:"fsync256KBp50Milliseconds"`
	FsyncP99  float64 `json:"fsync256KBp99Milliseconds"`
	Load      float64 `json:"loadAverage"` // of the last minute, before the first run: near zero on a quiet machine
}

func inspect(dir string) (Machine, error) {
	m := Machine{CPU: field("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), Go: runtime.Version()}
	var kib float64
	if _, err := fmt.Sscanf(field("/proc/meminfo", "MemTotal"), "%f kB", &kib); err != nil {
		return m, fmt.Errorf("read memory size: %w", err)
	}
	m.MemoryGiB = float64(int(kib/1024/1024*10)) / 10
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return m, fmt.Errorf("uname: %w", err)
	}
	m.Kernel = unix.ByteSliceToString(uts.Release[:])
	m.FS = filesystem(dir)
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return m, fmt.Errorf("read load average: %w", err)
	}
	if _, err := fmt.Sscan(string(load), &m.Load); err != nil {
		return m, fmt.Errorf("read load average: %w", err)
	}
	m.FsyncP50, m.FsyncP99, err = probeFsync(dir)
	return m, err
}

// field returns the value of the first "name: value" line of a file under /proc.
func field(file, name string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// filesystem names the type of what is mounted over dir: that of the longest mount point above it.
func filesystem(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return ""
	}
	var point, kind string
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line) // device, mount point, type, ...
		under := len(f) > 2 && (f[1] == "/" || dir == f[1] || strings.HasPrefix(dir, f[1]+"/"))
		if under && len(f[1]) >= len(point) {
			point, kind = f[1], f[2]
		}
	}
	return kind
}

// probeFsync writes and syncs 256 KB two hundred times: what a durable answer costs here before any server is involved.
func probeFsync(dir string) (p50, p99 float64, err error) {
	f, err := os.CreateTemp(dir, "fsync-*")
	if err != nil {
		return 0, 0, fmt.Errorf("probe fsync: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 256<<10)
	took := make([]time.Duration, 200)
	for i := range took {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, 0, fmt.Errorf("probe fsync: %w", err)
		}
		if err := f.Sync(); err != nil {
			return 0, 0, fmt.Errorf("probe fsync: %w", err)
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	return milliseconds(percentile(took, 50)), milliseconds(percentile(took, 99)), nil
}
