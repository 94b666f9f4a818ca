package main

import (
	"bytes"
	"os"
	"testing"
)

func TestGeneratedFilesAreFresh(t *testing.T) {
	t.Chdir("..") // where go generate runs
	c, err := parse(source)
	if err != nil {
		t.Fatal(err)
	}
	for path, render := range map[string]func(*comments) ([]byte, error){usageFile: renderUsage, docFile: renderDoc} {
		want, err := render(c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the comments say: run go generate ./internal/config", path)
		}
	}
}

func TestEverySettingNeedsAComment(t *testing.T) {
	path := t.TempDir() + "/config.go"
	text := "package config\n\ntype Config struct {\n\tDataDir string `config:\"data_dir\"`\n}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := parse(path); err == nil {
		t.Error("a setting without a comment passed")
	}
}
