package collector

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Config is what a collector collects, and where it goes.
type Config struct {
	Globals Globals           `json:"globals"`
	Inputs  map[string]Input  `json:"inputs"`  // accounts, by name
	Outputs map[string]Output `json:"outputs"` // by name
}

// Globals are the settings of the collector as a whole.
type Globals struct {
	Debug bool   `json:"debug,omitempty"` // writes partial statistics, too
	ID    string `json:"id,omitempty"`
	Name  string `json:"name,omitempty"`
	// DatetimeFormat of initial_start_time_in_utc, in the letters of strftime [%Y-%m-%dT%H:%M:%SZ].
	DatetimeFormat *string     `json:"datetime_format,omitempty"`
	Persistence    Persistence `json:"persistence,omitzero"`
}

// Persistence is where the state is.
type Persistence struct {
	Type   string `json:"type,omitempty"` // filesystem [filesystem]
	Config struct {
		DirectoryName string `json:"directory_name,omitempty"` // beside the file of the configuration, if it is relative [state]
	} `json:"config,omitzero"`
}

// Input is one account.
type Input struct {
	ID          string                     `json:"id,omitempty"`
	Enabled     *bool                      `json:"enabled,omitempty"` // [true]
	Credentials Credentials                `json:"credentials"`
	Services    map[string]json.RawMessage `json:"services"`
}

// Credentials are those of an access key.
type Credentials struct {
	AccessKeyID     string      `json:"access_key_id"`
	AccessKeySecret sink.Secret `json:"access_key_secret"`
	SecurityToken   sink.Secret `json:"security_token,omitzero"` // of temporary credentials
}

// Service is what all services have in their section, beside what is their own.
type Service struct {
	// RequestPeriod is the time from the start of a cycle to that of the next, in seconds, 0.1 to 86400.
	RequestPeriod float64 `json:"request_period_in_seconds,omitempty"`
	// InitialStart is where the first run begins. Another value than last time makes the service begin there again.
	InitialStart *string  `json:"initial_start_time_in_utc,omitempty"`
	Outputs      []string `json:"outputs,omitempty"` // by name [all]
	Tag          string   `json:"tag,omitempty"`     // the table in Devo [that of the service]
}

// commonKeys are those of Service.
var commonKeys = []string{"request_period_in_seconds", "initial_start_time_in_utc", "outputs", "tag"}

// Output is a place where events go.
type Output struct {
	Type   string          `json:"type"`
	Config json.RawMessage `json:"config"`
}

// maxConfig bounds the file of a configuration, in bytes.
const maxConfig = 1 << 20

// Load reads the configuration in a file of YAML or JSON. A value that is ${NAME} as a whole is that variable of the environment.
func Load(path string, getenv func(string) string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, err
	}
	c, err := Parse(raw, getenv)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Parse is Load of the content of a file.
func Parse(raw []byte, getenv func(string) string) (*Config, error) {
	if len(raw) > maxConfig {
		return nil, fmt.Errorf("the configuration is larger than %d bytes", maxConfig)
	}
	var document any
	if err := yaml.Unmarshal(raw, &document); err != nil {
		return nil, err
	}
	document, err := expand(document, "", getenv)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("the keys of the configuration have to be words: %w", err)
	}
	c := &Config{}
	if err := Strictly(text, c); err != nil {
		return nil, err
	}
	return c, c.validate()
}

var variable = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

// expand puts variables of the environment in the place of ${NAME}.
func expand(v any, path string, getenv func(string) string) (_ any, err error) {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			if v[key], err = expand(v[key], strings.TrimPrefix(path+"."+key, "."), getenv); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range v {
			if v[i], err = expand(v[i], fmt.Sprintf("%s[%d]", path, i), getenv); err != nil {
				return nil, err
			}
		}
	case string:
		if m := variable.FindStringSubmatch(v); m != nil {
			text := getenv(m[1])
			if text == "" {
				return nil, fmt.Errorf("%s: the environment has no variable %s, or it is empty", path, m[1])
			}
			return text, nil
		}
	}
	return v, nil
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (c *Config) validate() error {
	switch t := c.Globals.Persistence.Type; t {
	case "", "filesystem":
	default:
		return fmt.Errorf("globals.persistence.type: %.40q is not filesystem", t)
	}
	if len(c.Inputs) == 0 {
		return errors.New("inputs: there is none")
	}
	if len(c.Outputs) == 0 {
		return errors.New("outputs: there is none")
	}
	for name, in := range c.Inputs {
		if !nameForm.MatchString(name) {
			return fmt.Errorf("inputs: %.80q is not a name of up to 64 letters, digits, - and _", name)
		}
		if len(in.Services) == 0 {
			return fmt.Errorf("inputs.%s.services: there is none", name)
		}
	}
	for name := range c.Outputs {
		if !nameForm.MatchString(name) {
			return fmt.Errorf("outputs: %.80q is not a name of up to 64 letters, digits, - and _", name)
		}
	}
	return nil
}

// StateDir is the directory of the state of a configuration that was read from a file.
func (c *Config) StateDir(file string) string {
	dir := c.Globals.Persistence.Config.DirectoryName
	if dir == "" {
		dir = "state"
	}
	if filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(filepath.Dir(file), dir)
}

// splitService takes a section of a service apart.
func splitService(raw json.RawMessage) (common Service, own json.RawMessage, err error) {
	fields := map[string]json.RawMessage{}
	if len(raw) > 0 && string(raw) != "null" {
		if err := json.Unmarshal(raw, &fields); err != nil {
			return common, nil, errors.New("it has to be an object")
		}
	}
	shared := map[string]json.RawMessage{}
	for _, key := range commonKeys {
		if v, ok := fields[key]; ok {
			shared[key] = v
			delete(fields, key)
		}
	}
	text, err := json.Marshal(shared)
	if err == nil {
		err = Strictly(text, &common)
	}
	if err != nil {
		return common, nil, err
	}
	if p := common.RequestPeriod; p != 0 && (p < 0.1 || p > 86400) {
		return common, nil, fmt.Errorf("request_period_in_seconds: %g is not between 0.1 and 86400", p)
	}
	own, err = json.Marshal(fields)
	return common, own, err
}

// Strictly decodes JSON and refuses keys that v does not have.
func Strictly(raw json.RawMessage, v any) error {
	if len(raw) == 0 || string(raw) == "null" {
		raw = json.RawMessage("{}")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%s: a %s cannot stand there", wrong.Field, wrong.Value)
	}
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
