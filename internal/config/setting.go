package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Setting is one leaf of a Config, under all its names.
type Setting struct {
	Path    string // in the file: "ingest.max_logs"
	EnvOnly bool   // read from the environment alone, never printed
	field   any    // pointer into the Config
}

// Split is the setting's group, "" for none, and its name in it.
func (s Setting) Split() (group, name string) {
	if group, name, found := strings.Cut(s.Path, "."); found {
		return group, name
	}
	return "", s.Path
}

// Env is the setting's environment variable.
func (s Setting) Env() string {
	return "SLUICE_" + strings.ToUpper(strings.ReplaceAll(s.Path, ".", "_"))
}

// Flag is the setting's flag, without dashes.
func (s Setting) Flag() string { return strings.NewReplacer(".", "-", "_", "-").Replace(s.Path) }

// Settings returns the settings of c in the order of the struct.
func (c *Config) Settings() []Setting {
	return settingsOf(reflect.ValueOf(c).Elem(), "")
}

func settingsOf(group reflect.Value, prefix string) []Setting {
	var all []Setting
	for i := range group.NumField() {
		name, option, _ := strings.Cut(group.Type().Field(i).Tag.Get("config"), ",")
		field := group.Field(i)
		if field.Kind() == reflect.Struct {
			all = append(all, settingsOf(field, prefix+name+".")...)
			continue
		}
		all = append(all, Setting{Path: prefix + name, EnvOnly: option == "env", field: field.Addr().Interface()})
	}
	return all
}

// Set reads text into the setting. With String and Type it makes a Setting a flag's value.
func (s Setting) Set(text string) error {
	var err error
	switch field := s.field.(type) {
	case *string:
		*field = text
	case *Secret:
		*field = Secret(text)
	case *int:
		if *field, err = strconv.Atoi(text); err != nil {
			return errors.New("is not a whole number")
		}
	case *int64:
		if *field, err = strconv.ParseInt(text, 10, 64); err != nil {
			return errors.New("is not a whole number")
		}
	case *bool:
		if *field, err = strconv.ParseBool(text); err != nil {
			return errors.New("is neither true nor false")
		}
	case *Bytes:
		*field, err = ParseBytes(text)
		return err
	case *time.Duration:
		if *field, err = time.ParseDuration(text); err != nil {
			return errors.New("is not a duration such as 10s, 15m or 168h")
		}
	default:
		panic(fmt.Sprintf("config: setting %s is a %T", s.Path, s.field))
	}
	return nil
}

// String is the value as Set reads it; a secret is hidden.
func (s Setting) String() string {
	switch field := s.field.(type) {
	case *string:
		return *field
	case *time.Duration:
		return shortest(*field)
	default:
		return fmt.Sprint(reflect.ValueOf(field).Elem())
	}
}

// shortest writes 168h0m0s as 168h.
func shortest(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Type is what the flag's help calls the value.
func (s Setting) Type() string {
	switch s.field.(type) {
	case *int, *int64:
		return "number"
	case *bool:
		return "true|false"
	case *Bytes:
		return "size"
	case *time.Duration:
		return "duration"
	}
	return "string"
}
