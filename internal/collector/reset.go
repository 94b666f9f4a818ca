package collector

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Each service has a file that says where its first run began: INPUT.SERVICE.start. When the configuration names another start than then,
// the service begins there again. The state files are kept for a week under other names, in case that was a mistake.

const (
	stateSuffix  = ".state"
	originSuffix = ".start"
	keptFor      = 7 * 24 * time.Hour
)

// origin is the place of the file that says where a service began.
type origin struct {
	Configured string    `json:"configured"` // initial_start_time_in_utc, "" for none
	From       time.Time `json:"from"`
}

// recall finds out where the service begins, and whether it begins anew.
func (s *service) recall() error {
	files, dir := s.collector.options.FS, s.collector.options.Dir
	if err := files.MkdirAll(dir); err != nil {
		return err
	}
	if err := s.forgetOld(); err != nil {
		return err
	}
	stream := streamName(s.input, s.name, "")
	j, found, err := openJournal(files, s.originPath(), stream)
	if err != nil {
		return err
	}
	defer j.close()
	want := origin{From: s.first()}
	if s.common.InitialStart != nil {
		want.Configured = *s.common.InitialStart
	}
	if found {
		var have origin
		if err := json.Unmarshal(j.state.Place, &have); err != nil {
			return fmt.Errorf("read %s: %w", s.originPath(), err)
		}
		if have.Configured == want.Configured {
			s.origin = have.From
			return nil
		}
		s.tell(slog.LevelWarn, s.kind.Module, fmt.Sprintf("initial_start_time_in_utc was %q and is %q: restarting the persistence, pulling from %s on; "+
			"events may come twice or not at all. The old state is kept for 7 days", have.Configured, want.Configured, ShowTime(want.From)))
		if err := s.setAside(); err != nil {
			return err
		}
	}
	raw, err := json.Marshal(want)
	if err != nil {
		return err
	}
	s.origin = want.From
	return j.write(&record{Moved: raw})
}

// first is where a first run begins.
func (s *service) first() time.Time {
	now := s.clock.Now()
	from := s.start
	if from.IsZero() {
		from = now.Add(-defaultAge).Truncate(time.Second)
	}
	if oldest := now.Add(-s.kind.Oldest).Truncate(time.Second); s.kind.Oldest > 0 && from.Before(oldest) {
		s.tell(slog.LevelWarn, s.kind.Module, fmt.Sprintf("The service keeps events for %d days: pulling from %s on", int(s.kind.Oldest.Hours()/24), ShowTime(oldest)))
		from = oldest
	}
	return from
}

func (s *service) originPath() string {
	return filepath.Join(s.collector.options.Dir, s.input+"."+s.name+originSuffix)
}

// openPart opens the state of a part.
func (s *service) openPart(name string) (*journal, error) {
	if !nameForm.MatchString(name) {
		return nil, fmt.Errorf("the source has a part that is called %.80q", name)
	}
	j, found, err := openJournal(s.collector.options.FS, s.statePath(name), streamName(s.input, s.name, name))
	if err == nil && !found {
		j.state.Next = s.collector.options.Now().UnixNano()
	}
	return j, err
}

// setAside renames the state files of the service.
func (s *service) setAside() error {
	return s.eachFile(s.input+"."+s.name+".", stateSuffix, func(name string) error {
		aside := fmt.Sprintf("%s.reset-%d", name, s.collector.options.Now().Unix())
		return s.collector.options.FS.Rename(name, aside)
	})
}

// forgetOld removes what was set aside long ago.
func (s *service) forgetOld() error {
	return s.eachFile(s.input+"."+s.name+".", "", func(name string) error {
		_, stamp, isAside := strings.Cut(name, stateSuffix+".reset-")
		at, err := strconv.ParseInt(stamp, 10, 64)
		if !isAside || err != nil || s.collector.options.Now().Sub(time.Unix(at, 0)) < keptFor {
			return nil
		}
		return s.collector.options.FS.Remove(name)
	})
}

// eachFile calls f with the path of each file of the state directory whose name begins and ends so, and makes what f did durable.
func (s *service) eachFile(prefix, suffix string, f func(path string) error) error {
	files, dir := s.collector.options.FS, s.collector.options.Dir
	list, err := files.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range list {
		if name := entry.Name(); strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix) {
			if err := f(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return files.SyncDir(dir)
}
