package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// maxState is the largest state file that is read: 256 shards take 100 kB.
const maxState = 16 << 20

// stateFile keeps how far a long operation got: a document in memory, and in a file that is replaced as a whole and synced. So the
// file holds, at any moment, what some call of change came back from, or something later.
type stateFile struct {
	path string // "" keeps no file

	mu       sync.Mutex // guards the document, and what follows
	document any        // pointer
	dirty    int64      // number of the last change

	write  sync.Mutex // held by who writes the file; taken before mu
	synced int64      // number of the last change in the file; guarded by write
}

// load reads the file into the document, and returns false if there is none.
func (s *stateFile) load() (bool, error) {
	if s.path == "" {
		return false, nil
	}
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil && info.Size() > maxState {
		err = errors.New("it is too large")
	}
	var raw []byte
	if err == nil {
		raw, err = os.ReadFile(s.path)
	}
	if err == nil {
		err = json.Unmarshal(raw, s.document)
	}
	if err != nil {
		return false, fmt.Errorf("read the state in %s: %w", s.path, err)
	}
	return true, nil
}

// change changes the document and returns when the file has it. Changes of many goroutines share a write of the file.
func (s *stateFile) change(f func()) error {
	s.mu.Lock()
	f()
	s.dirty++
	mine := s.dirty
	s.mu.Unlock()
	s.write.Lock()
	defer s.write.Unlock()
	if s.synced >= mine || s.path == "" {
		return nil
	}
	s.mu.Lock()
	raw, err := json.Marshal(s.document)
	number := s.dirty
	s.mu.Unlock()
	if err == nil {
		err = replaceFile(s.path, raw)
	}
	if err != nil {
		return fmt.Errorf("keep the state: %w", err)
	}
	s.synced = number
	return nil
}

// oneLine is a document for comparing and for people.
func oneLine(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// replaceFile makes path hold data, synced, or leaves it as it was.
func replaceFile(path string, data []byte) (err error) {
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
