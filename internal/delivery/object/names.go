package object

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Names is the part of a sink's configuration that says what objects are called:
//
//	PREFIX/DATE/TASK_FIRST_LAST_SHARD-ID.json.gz       layout sluice: logs/20260102/t1_20260102T030000Z_20260102T030459Z_0-9f3a1c77e02b5d41.json.gz
//	PREFIX/PATH_NANOSECONDS_ID.gz                      layout shipper: logs/2026/01/02/03/00_1767322800000000000_9f3a1c77e02b5d41.gz
//
// DATE and PATH are of the time at which the first log of the object arrived, FIRST and LAST are the earliest and the latest time of
// its logs, in UTC, and ID names the object's logs.
type Names struct {
	// Prefix is the directory of all objects [none]. {DATE} in it stands for 20060102, and %Y %m %d %H %M %S %y %j %s for parts of the date as in strftime;
	// then there is no other directory by date.
	Prefix string `json:"prefix,omitempty"`
	// Layout is sluice, shipper for names like those of the OSS shipper of SLS, or executions for the records of commands, each an object of its own
	// in JSON, as Cloud Assistant delivers them [sluice].
	Layout string `json:"layout,omitempty"`
	// PathFormat is the part of the name that is a date, in the words of strftime [%Y%m%d; of shipper %Y/%m/%d/%H/%M].
	PathFormat string `json:"pathFormat,omitempty"`
	// TimeZone of dates: +0800, or a name like Asia/Shanghai [UTC].
	TimeZone string `json:"timeZone,omitempty"`
	// Suffix replaces what names end in: .json.gz and the like [by the format].
	Suffix string `json:"suffix,omitempty"`
}

// The layouts.
const (
	layoutSluice  = "sluice"
	layoutShipper = "shipper"

	layoutExecutions = "executions"
)

// Longest parts of names in bytes, once dates are filled in: together less than the 1024 that S3 and OSS allow.
const maxPrefix, maxPathFormat, maxTask, maxSuffix = 512, 128, 128, 64

func (n *Names) validate() error {
	switch n.Layout {
	case "", layoutSluice, layoutShipper, layoutExecutions:
	default:
		return invalid("layout", "%.40q is none of sluice, shipper and executions", n.Layout)
	}
	for _, f := range []struct {
		path, text string
		most       int
	}{{"prefix", n.Prefix, maxPrefix}, {"pathFormat", n.PathFormat, maxPathFormat}, {"suffix", n.Suffix, maxSuffix}} {
		if err := checkPath(f.text); err != nil {
			return invalid(f.path, "%.80q %w", f.text, err)
		}
		text := f.text
		if f.path != "suffix" {
			var err error
			if text, err = render(f.text, time.Unix(math.MaxInt32, 0)); err != nil {
				return invalid(f.path, "%w", err)
			}
		}
		if len(text) > f.most {
			return invalid(f.path, "%d bytes are over the limit of %d", len(text), f.most)
		}
	}
	if strings.Contains(n.Suffix, "/") {
		return invalid("suffix", "%.80q has a slash", n.Suffix)
	}
	if _, err := zone(n.TimeZone); err != nil {
		return invalid("timeZone", "%.40q is neither like +0800 nor the name of a time zone that this server knows", n.TimeZone)
	}
	return nil
}

// checkPath refuses what is no part of a path, or leads out of its directory.
func checkPath(s string) error {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return fmt.Errorf("has a backslash or characters that do not print")
	}
	s = strings.Trim(s, "/")
	if s == "" {
		return nil
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("has an empty part, or one of dots, between slashes")
		}
	}
	return nil
}

// zone finds a time zone.
func zone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	for _, layout := range []string{"-0700", "-07:00"} {
		if t, err := time.Parse(layout, name); err == nil {
			return t.Location(), nil
		}
	}
	if name == "Local" { // of this machine: another would make other names
		return nil, fmt.Errorf("no time zone")
	}
	return time.LoadLocation(name)
}

// Dir is the part of the prefix that is the same for all objects, without slashes around it.
func (n *Names) Dir() string {
	dir := strings.Trim(n.Prefix, "/")
	at := strings.IndexAny(dir, "%{")
	if at < 0 || !dated(dir) {
		return dir
	}
	return dir[:max(0, strings.LastIndexByte(dir[:at], '/'))]
}

// Join puts a name below a directory, which may be "".
func Join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// names is Names that were understood.
type names struct {
	prefix, path, suffix string
	shipper              bool
	zone                 *time.Location
}

func (n *Names) compile(f *encode.Format) names {
	c := names{
		prefix: strings.Trim(n.Prefix, "/"), path: strings.Trim(n.PathFormat, "/"), suffix: n.Suffix, shipper: n.Layout == layoutShipper,
	}
	if c.zone, _ = zone(n.TimeZone); c.zone == nil {
		c.zone = time.UTC // not of valid options
	}
	if c.path == "" {
		switch {
		case c.shipper:
			c.path = "%Y/%m/%d/%H/%M"
		case !dated(c.prefix):
			c.path = "%Y%m%d"
		}
	}
	if c.suffix == "" {
		c.suffix = f.Extension()
		if c.shipper {
			c.suffix = shipperSuffix(f)
		}
	}
	return c
}

// shipperSuffix is how the shipper ends names: the compression before the format, and nothing for json.
func shipperSuffix(f *encode.Format) string {
	ext := f.Extension()
	switch f.Format {
	case encode.Parquet:
		if f.Compression == encode.None {
			return ext
		}
		return map[encode.Compression]string{encode.Gzip: ".gz", encode.Snappy: ".snappy", encode.Zstd: ".zst", encode.LZ4: ".lz4"}[f.Compression] + ext
	case encode.CSV:
		return strings.TrimPrefix(ext, ".csv") + ".csv"
	case "", encode.JSON:
		return strings.TrimPrefix(ext, ".json")
	}
	return ext
}

// of names the object of a batch.
func (c *names) of(h sink.Header, to sink.Point, s span) string {
	arrived := h.Arrived.In(c.zone)
	dir, _ := render(c.prefix, arrived) // validated
	path, _ := render(c.path, arrived)
	id := h.ID(to)[:16]
	if c.shipper {
		return Join(dir, fmt.Sprintf("%s_%d_%s%s", path, h.Arrived.UnixNano(), id, c.suffix))
	}
	const stamp = "20060102T150405Z"
	first, last := time.Unix(int64(s.first), 0).UTC().Format(stamp), time.Unix(int64(s.last), 0).UTC().Format(stamp)
	name := fmt.Sprintf("%s_%s_%s_%d-%s%s", plain(h.Task), first, last, h.Shard, id, c.suffix)
	return Join(dir, Join(path, name))
}

// plain is a task's name with what could be read as part of a path, or hide a file, replaced. The id in the object's name tells tasks apart
// that look alike then.
func plain(task string) string {
	name := []byte(task[:min(len(task), maxTask)])
	for i, c := range name {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' && i > 0) {
			name[i] = '-'
		}
	}
	return string(name)
}
