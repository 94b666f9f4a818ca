package collector

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Line is one line of a collector's log.
type Line struct {
	Time    time.Time
	Level   slog.Level
	Process string // InputProcess or OutputProcess
	Module  string
	// Input, its id and the service that the line is about; empty for lines about all.
	Input, InputID, Service string
	Text                    string
}

// String is the line in the form of the collector that we follow, in the time zone of Time.
func (l Line) String() string {
	about := ""
	if l.Service != "" {
		about = fmt.Sprintf("(%s#%s,%s#predefined)", l.Input, l.InputID, l.Service)
	}
	level := l.Level.String()
	if l.Level == slog.LevelWarn {
		level = "WARNING"
	}
	return fmt.Sprintf("%s %s %s::%s%s -> %s", l.Time.Format("2006-01-02T15:04:05.000"), level, l.Process, l.Module, about, l.Text)
}

// TellLogger has lines go to a logger of a server.
func TellLogger(log *slog.Logger) func(Line) {
	return func(l Line) {
		log.LogAttrs(context.Background(), l.Level, "collector", slog.String("input", l.Input), slog.String("service", l.Service),
			slog.String("module", l.Module), slog.String("text", l.Text))
	}
}

// ShowTime is a time as the lines show it: microseconds, unless they are zero.
func ShowTime(t time.Time) string {
	if t.Nanosecond()/1000 == 0 {
		return t.UTC().Format("2006-01-02 15:04:05-07:00")
	}
	return t.UTC().Format("2006-01-02 15:04:05.000000-07:00")
}
