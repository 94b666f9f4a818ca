package sls_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is the clock that the servers of these tests have.
func now() time.Time { return time.Now() }
