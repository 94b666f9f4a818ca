// Package profile keeps the named servers and credentials of the command line in one file that only its owner can read.
//
//	current: local
//	profiles:
//	  local:
//	    endpoint: http://127.0.0.1:8080
//	    accessKeyId: ...
//	    accessKeySecret: ...
//
// The file is replaced as a whole, so that a crash leaves the old or the new one; two commands that write at once keep the
// later one's.
package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Profile is how to reach one server as one somebody.
type Profile struct {
	Endpoint        string `yaml:"endpoint"`
	AccessKeyID     string `yaml:"accessKeyId"`
	AccessKeySecret string `yaml:"accessKeySecret"`
	SecurityToken   string `yaml:"securityToken,omitempty"`
	Sign            string `yaml:"sign,omitempty"` // v1 (also when empty) or v4
	Region          string `yaml:"region,omitempty"`
}

// File is what the profile file holds.
type File struct {
	Current  string             `yaml:"current,omitempty"`
	Profiles map[string]Profile `yaml:"profiles,omitempty"`
}

// ErrNowhere is an environment that has no place for the file.
var ErrNowhere = errors.New("neither XDG_CONFIG_HOME nor HOME is set: no place for profiles")

// Path returns where the file is: sluice/config.yaml in $XDG_CONFIG_HOME, or in .config of the home directory.
func Path(getenv func(string) string) (string, error) {
	dir := getenv("XDG_CONFIG_HOME")
	if dir == "" {
		home := getenv("HOME")
		if home == "" {
			return "", ErrNowhere
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "sluice", "config.yaml"), nil
}

// Load reads the file at path. A missing file is an empty one.
func Load(path string) (*File, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &File{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read profiles: %w", err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	var f File
	if err := decoder.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read profiles in %s: %w", path, err)
	}
	return &f, nil
}

// Exposed reports whether others than the owner may read the file at path.
func Exposed(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&0o077 != 0
}

// Save writes f to path with mode 0600, making the directory if needed.
func (f *File) Save(path string) error {
	raw, err := yaml.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode profiles: %w", err)
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("save profiles: %w", err)
	}
	if err := replace(dir, path, raw); err != nil {
		return fmt.Errorf("save profiles: %w", err)
	}
	return nil
}

// replace puts raw at path by way of a new file in dir; os.CreateTemp makes it readable by its owner alone.
func replace(dir, path string, raw []byte) error {
	temp, err := os.CreateTemp(dir, ".config-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // fails after the rename, as it should
	_, err = temp.Write(raw)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Set gives the profile a name, replacing the one that had it. The first profile becomes the current one.
func (f *File) Set(name string, p Profile) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("profile name %q is not 1 to 64 letters, digits, '.', '_' or '-'", name)
	}
	if f.Profiles == nil {
		f.Profiles = map[string]Profile{}
	}
	f.Profiles[name] = p
	if f.Current == "" {
		f.Current = name
	}
	return nil
}

// Use makes a profile the current one.
func (f *File) Use(name string) error {
	if _, err := f.Get(name); err != nil {
		return err
	}
	f.Current = name
	return nil
}

// Get returns a profile.
func (f *File) Get(name string) (Profile, error) {
	p, ok := f.Profiles[name]
	if !ok {
		return Profile{}, fmt.Errorf("there is no profile %q", name)
	}
	return p, nil
}

// Delete removes a profile. If it was the current one, there is none after.
func (f *File) Delete(name string) error {
	if _, err := f.Get(name); err != nil {
		return err
	}
	delete(f.Profiles, name)
	if f.Current == name {
		f.Current = ""
	}
	return nil
}

// Names returns the names of the profiles, sorted.
func (f *File) Names() []string {
	names := make([]string, 0, len(f.Profiles))
	for name := range f.Profiles {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
