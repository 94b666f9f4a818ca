package ownership_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/ownership"
)

// memory is a Store and a bucket.
type memory struct {
	mu      sync.Mutex // guards what is below
	records map[ownership.Destination]ownership.Record
	files   map[string]string
	fail    error
}

func newMemory() *memory {
	return &memory{records: map[ownership.Destination]ownership.Record{}, files: map[string]string{}}
}

func (m *memory) Ownership(_ context.Context, d ownership.Destination) (ownership.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.records[d], m.fail
}

func (m *memory) UpdateOwnership(_ context.Context, d ownership.Destination, change func(ownership.Record) (ownership.Record, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := change(m.records[d])
	if err == nil {
		m.records[d] = r
	}
	return err
}

func (m *memory) PutText(_ context.Context, name, text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[name] = text
	return m.fail
}

var destination = ownership.Destination{Account: "a1", Endpoint: "https://s3.example.com/", Bucket: "logs", Dir: "esa"}

// prover has a clock that stands still until a test moves it.
func prover(m *memory) (p *ownership.Prover, wait func(time.Duration)) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return ownership.New(m, func() time.Time { return now }), func(d time.Duration) { now = now.Add(d) }
}

func challenge(t *testing.T, p *ownership.Prover, m *memory, d ownership.Destination) (token string) {
	t.Helper()
	file, err := p.Challenge(t.Context(), d, m)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^esa/ownership-challenge-[0-9a-f]{8}\.txt$`).MatchString(file) {
		t.Errorf("the file is called %s", file)
	}
	token = m.files[file]
	if len(token) != 43 || strings.ContainsAny(token, "=+/ \n") {
		t.Errorf("the token is %q", token)
	}
	return token
}

func wrong(t *testing.T, err error, why string) {
	t.Helper()
	if err == nil || sluice.KindOf(err) != sluice.Invalid || !strings.Contains(err.Error(), why) {
		t.Errorf("got %v, want an error that says %q", err, why)
	}
}

func proved(t *testing.T, p *ownership.Prover, d ownership.Destination, want bool) {
	t.Helper()
	if got, err := p.Proved(t.Context(), d); err != nil || got != want {
		t.Errorf("%+v is proved: %v, %v, want %v", d, got, err, want)
	}
}

func TestProof(t *testing.T) {
	m := newMemory()
	p, _ := prover(m)
	wrong(t, p.Verify(t.Context(), destination, "x"), "no ownership challenge is open")
	token := challenge(t, p, m, destination)
	proved(t, p, destination, false)
	wrong(t, p.Verify(t.Context(), destination, token[:42]), "not the content")
	if err := p.Verify(t.Context(), destination, " "+token+"\r\n"); err != nil {
		t.Fatal(err)
	}
	proved(t, p, destination, true)
	wrong(t, p.Verify(t.Context(), destination, token), "no ownership challenge is open")

	for _, c := range []struct {
		change func(*ownership.Destination)
		want   bool
	}{
		{func(d *ownership.Destination) { d.Dir = "/esa/20260102/" }, true},
		{func(d *ownership.Destination) { d.Endpoint = "S3.example.com" }, true},
		{func(d *ownership.Destination) { d.Dir = "esa2" }, false},
		{func(d *ownership.Destination) { d.Dir = "" }, false},
		{func(d *ownership.Destination) { d.Account = "a2" }, false},
		{func(d *ownership.Destination) { d.Bucket = "other" }, false},
		{func(d *ownership.Destination) { d.Endpoint = "https://s3.example.com:9000" }, false},
	} {
		d := destination
		c.change(&d)
		proved(t, p, d, c.want)
	}
	challenge(t, p, m, destination) // and never answered
	proved(t, p, destination, true)
}

func TestTokensAreNotKept(t *testing.T) {
	m := newMemory()
	p, _ := prover(m)
	token := challenge(t, p, m, destination)
	for d, r := range m.records {
		if strings.Contains(d.Dir+d.Bucket+string(r.Hash[:]), token) {
			t.Error("the token is in the record")
		}
	}
	if again := challenge(t, p, m, destination); again == token {
		t.Error("two challenges have one token")
	}
	wrong(t, p.Verify(t.Context(), destination, token), "not the content")
}

func TestChallengesEnd(t *testing.T) {
	m := newMemory()
	p, wait := prover(m)
	token := challenge(t, p, m, destination)
	for range ownership.Attempts {
		wrong(t, p.Verify(t.Context(), destination, "guess"), "not the content")
	}
	wrong(t, p.Verify(t.Context(), destination, token), "no ownership challenge is open")

	token = challenge(t, p, m, destination)
	wait(ownership.Lifetime)
	wrong(t, p.Verify(t.Context(), destination, token), "has expired")
	token = challenge(t, p, m, destination)
	wait(ownership.Lifetime - 1)
	if err := p.Verify(t.Context(), destination, token); err != nil {
		t.Error(err)
	}
}

// TestGuessesAtOnce makes many guesses at the same time, of which no more than Attempts are looked at.
func TestGuessesAtOnce(t *testing.T) {
	m := newMemory()
	p, _ := prover(m)
	challenge(t, p, m, destination)
	var mu sync.Mutex
	looked := 0
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			err := p.Verify(t.Context(), destination, "guess")
			mu.Lock()
			defer mu.Unlock()
			if err != nil && strings.Contains(err.Error(), "not the content") {
				looked++
			}
		})
	}
	all.Wait()
	if looked != ownership.Attempts {
		t.Errorf("%d guesses were looked at", looked)
	}
}

func TestBucketFails(t *testing.T) {
	m := newMemory()
	p, _ := prover(m)
	m.fail = errors.New("no such bucket")
	if _, err := p.Challenge(t.Context(), destination, m); !errors.Is(err, m.fail) {
		t.Errorf("challenge: %v", err)
	}
	if ok, err := p.Proved(t.Context(), destination); ok || !errors.Is(err, m.fail) {
		t.Errorf("proved: %v, %v", ok, err)
	}
}
