package behind_test

import (
	"runtime"
	"testing"

	"github.com/sluicelog/sluice/internal/query/behind"
)

func TestPanic(t *testing.T) {
	defer func() {
		if got := recover(); got != "broken" {
			t.Errorf("the caller got %v", got)
		}
	}()
	behind.Run(func() { panic("broken") })
}

// TestExit: fn that ends its goroutine, as a failed test does, does not leave the caller waiting.
func TestExit(t *testing.T) {
	ran := false
	behind.Run(func() {
		ran = true
		runtime.Goexit()
	})
	if !ran {
		t.Error("nothing ran")
	}
}
