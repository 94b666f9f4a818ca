package collector

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
)

// refusedEvent is a line of the file of events that an output does not take.
type refusedEvent struct {
	Output string `json:"output"`
	Part   string `json:"part"`
	Number int64  `json:"number"`
	Reason string `json:"reason"`
	Event  *Event `json:"event"`
}

// keepRefused writes events that an output refused for good behind those of its service, in SERVICE.refused of the state directory, synced. After a
// crash a line can be there twice.
func (w *worker) keepRefused(output string, list []Refusal) error {
	if len(list) == 0 {
		return nil
	}
	s := w.service
	path := filepath.Join(s.collector.options.Dir, s.input+"."+s.name+".refused")
	var text []byte
	for _, r := range list {
		line, err := json.Marshal(refusedEvent{output, w.part.Name, w.journal.state.Next + int64(r.Index), r.Reason, &w.events[r.Index]})
		if err != nil {
			return err
		}
		text = append(append(text, line...), '\n')
	}
	s.refusedMu.Lock()
	defer s.refusedMu.Unlock()
	if err := s.appendFile(path, text); err != nil {
		return fmt.Errorf("keep events that output %s refused: %w", output, err)
	}
	s.tell(slog.LevelWarn, s.kind.Module, fmt.Sprintf("Output %s refused %d events for good (%s); they are in %s", output, len(list), list[0].Reason, path))
	return nil
}

// appendFile writes behind what a file has, and syncs it.
func (s *service) appendFile(path string, text []byte) error {
	files := s.collector.options.FS
	f, err := files.OpenRW(path)
	created := errors.Is(err, fs.ErrNotExist)
	if created {
		f, err = files.Create(path)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(text, size); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if created {
		return files.SyncDir(filepath.Dir(path))
	}
	return nil
}
