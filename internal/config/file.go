package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile is far more than all settings take.
const maxFile = 1 << 20

// read sets what the YAML document in r says. It is strict: a key that is unknown, given twice or without a value is an error
// with its line, because a setting that was misspelt would stay at its default without a word.
func (c *Config) read(r io.Reader, name string) error {
	raw, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return fmt.Errorf("config file %s: %w", name, err)
	}
	if len(raw) > maxFile {
		return fmt.Errorf("config file %s is larger than %v", name, Bytes(maxFile))
	}
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil // nothing but comments
	case err != nil:
		return fmt.Errorf("config file %s: %w", name, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("config file %s: nothing may follow the first document", name)
	}
	return newFile(c, name).mapping(document.Content[0], "")
}

// file is a document being read.
type file struct {
	name     string
	settings map[string]Setting // by path
	groups   map[string]bool
	seen     map[string]bool
}

func newFile(c *Config, name string) *file {
	f := &file{name: name, settings: map[string]Setting{}, groups: map[string]bool{}, seen: map[string]bool{}}
	for _, s := range c.Settings() {
		f.settings[s.Path] = s
		if group, _, found := strings.Cut(s.Path, "."); found {
			f.groups[group] = true
		}
	}
	return f
}

// mapping sets what a mapping says whose keys start with prefix.
func (f *file) mapping(node *yaml.Node, prefix string) error {
	if node.Kind != yaml.MappingNode {
		return f.wrong(node, "names and values are expected here")
	}
	var all []error
	for i := 0; i < len(node.Content); i += 2 {
		all = append(all, f.pair(node.Content[i], node.Content[i+1], prefix))
	}
	return errors.Join(all...)
}

func (f *file) pair(key, value *yaml.Node, prefix string) error {
	path := prefix + key.Value
	if f.seen[path] {
		return f.wrong(key, "%q is given twice", path)
	}
	f.seen[path] = true
	s, ok := f.settings[path]
	switch {
	case f.groups[path]:
		return f.mapping(value, path+".")
	case !ok || strings.Contains(key.Value, "."): // groups are nested, not dotted
		return f.wrong(key, "unknown setting %q", path)
	case s.EnvOnly:
		return f.wrong(key, "%s is read from the environment variable %s only", path, s.Env())
	case value.Kind != yaml.ScalarNode || value.Tag == "!!null":
		return f.wrong(value, "%s needs one value", path)
	}
	if err := s.Set(value.Value); err != nil {
		return f.wrong(value, "%s: %q %v", path, value.Value, err)
	}
	return nil
}

func (f *file) wrong(node *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("config file %s, line %d: %s", f.name, node.Line, fmt.Sprintf(format, args...))
}

// Print writes c as a file that says the same, without what comes from the environment only.
func (c *Config) Print(w io.Writer) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	groups := map[string]*yaml.Node{"": root}
	for _, s := range c.Settings() {
		if s.EnvOnly {
			continue
		}
		prefix, name := s.Split()
		group := groups[prefix]
		if group == nil {
			group = &yaml.Node{Kind: yaml.MappingNode}
			groups[prefix] = group
			root.Content = append(root.Content, scalar(prefix), group)
		}
		value := scalar(s.String())
		if s.Type() == "string" {
			value.SetString(s.String()) // quoted where it would be read as something else
		}
		group.Content = append(group.Content, scalar(name), value)
	}
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	return errors.Join(e.Encode(root), e.Close())
}

func scalar(text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: text} }
