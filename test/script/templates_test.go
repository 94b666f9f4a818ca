package script_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/testenv"
)

// The server takes every template for a delivery task.
func TestDeliveryTemplates(t *testing.T) {
	server := testenv.Start(t)
	s := &shell{t: t, url: server.URL(), home: t.TempDir()}
	s.ok("", "project", "create", "demo")
	files, err := filepath.Glob(filepath.Join(root, "cmd/sluice/templates/*.yaml"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d templates, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		s.ok("", "delivery", "create", "demo/"+name, "--file", file, "--draft")
	}
}
