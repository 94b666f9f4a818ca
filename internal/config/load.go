package config

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"
)

// ConfigFlag and ConfigEnv name the file.
const (
	ConfigFlag = "config"
	ConfigEnv  = "SLUICE_CONFIG"
)

// Load returns the configuration that the command line's args (without the program's name) and the environment ask for,
// checked. lookup is os.LookupEnv; a variable that is empty counts as not set.
func Load(args []string, lookup func(string) (string, bool)) (*Config, error) {
	c := Default()
	fs := pflag.NewFlagSet("sluiced", pflag.ContinueOnError)
	c.Flags(fs)
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if err := c.Resolve(fs, lookup); err != nil {
		return nil, err
	}
	return c, nil
}

// Flags registers a flag for every setting but those of the environment, and --config. When fs has parsed them, call Resolve.
func (c *Config) Flags(fs *pflag.FlagSet) {
	fs.String(ConfigFlag, "", "YAML file with settings ("+ConfigEnv+")")
	for _, s := range c.Settings() {
		if !s.EnvOnly {
			fs.Var(s, s.Flag(), usage[s.Path])
		}
	}
}

// Resolve fills c from the defaults, the file, the environment and the flags of fs that were given, each over the one before,
// and validates it.
func (c *Config) Resolve(fs *pflag.FlagSet, lookup func(string) (string, bool)) error {
	given := map[string]string{}
	fs.Visit(func(f *pflag.Flag) { given[f.Name] = f.Value.String() })
	env := func(name string) string {
		text, _ := lookup(name)
		return text
	}
	*c = *Default()
	path := given[ConfigFlag]
	if path == "" {
		path = env(ConfigEnv)
	}
	if path != "" {
		if err := c.readFile(path); err != nil {
			return err
		}
	}
	for _, s := range c.Settings() {
		if text := env(s.Env()); text != "" {
			if err := s.Set(text); err != nil {
				return fmt.Errorf("environment variable %s %w", s.Env(), err)
			}
		}
		if text, ok := given[s.Flag()]; ok && !s.EnvOnly {
			if err := s.Set(text); err != nil {
				return fmt.Errorf("flag --%s %w", s.Flag(), err)
			}
		}
	}
	return c.Validate()
}

func (c *Config) readFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("config file: %w", err)
	}
	defer f.Close()
	return c.read(f, path)
}
