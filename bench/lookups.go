package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/ledger"
	"github.com/sluicelog/sluice/internal/vfs"
)

const (
	lookupRounds = 40 // walks by each key
	lookupPages  = 4  // of each walk
	lookupPage   = 50 // events
)

// lookups measures LookupEvents over a history of many events of 90 days: by each of the eight keys and by none, first pages and those behind them.
// The server's own recorder writes the history, since nobody else can.
func (b *bench) lookups(ctx context.Context) error {
	s, err := b.start(ctx, "")
	if err != nil {
		return err
	}
	c, err := auditClient(s)
	if err != nil {
		return err
	}
	who, err := c.WhoAmI(ctx)
	if err != nil {
		return err
	}
	if err := s.Stop(); err != nil {
		return err
	}
	past := &pastEvents{account: who.AccountID, n: b.events, now: time.Now(), r: rand.New(rand.NewPCG(1, 2))}
	if err := past.write(ctx, s.dir); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	if s, err = b.start(ctx, s.dir, "SLUICE_TRAIL_LOOKUPS_PER_SECOND=0"); err != nil {
		return err
	}
	if err := s.waitIndexed(ctx, b.events); err != nil {
		return err
	}
	if _, err := s.settle(); err != nil {
		return err
	}
	if c, err = auditClient(s); err != nil {
		return err
	}
	if err := b.lookUpAll(ctx, s, c, past); err != nil {
		return err
	}
	return s.stop()
}

func auditClient(s *server) (*client.Client, error) {
	return client.New(client.Options{Endpoint: "http://" + s.Addr, AccessKeyID: accessKeyID, Secret: accessSecret})
}

// lookUpAll walks by one key after the other.
func (b *bench) lookUpAll(ctx context.Context, s *server, c *client.Client, past *pastEvents) error {
	of := fmt.Sprintf("LookupEvents over %d events of 90 days", past.n)
	var all []time.Duration
	for _, k := range past.keys() {
		var first, rest []time.Duration
		began, err := s.cpu()
		if err != nil {
			return err
		}
		for range lookupRounds {
			f, others, err := walkEvents(ctx, c, k.query())
			if err != nil {
				return fmt.Errorf("by %s: %w", k.name, err)
			}
			first, rest = append(first, f), append(rest, others...)
		}
		ended, err := s.cpu()
		if err != nil {
			return err
		}
		pages := len(first) + len(rest)
		all = append(append(all, first...), rest...)
		slices.Sort(first)
		slices.Sort(rest)
		b.report.add("audit", "lookup_"+k.id, of+", by "+k.name+": first pages, p99", "ms", "≤ 300", milliseconds(percentile(first, 99)))
		if len(rest) > 0 {
			b.report.add("audit", "lookup_"+k.id+"_next", "… pages behind them, p99", "ms", "≤ 300", milliseconds(percentile(rest, 99)))
		}
		b.report.add("audit", "lookup_"+k.id+"_cpu", "… processor time of a page", "ms", "", milliseconds(ended-began)/float64(pages))
	}
	slices.Sort(all)
	b.report.add("audit", "lookup_p50", of+", all pages, p50", "ms", "", milliseconds(percentile(all, 50)))
	b.report.add("audit", "lookup_p99", "… p99", "ms", "≤ 300", milliseconds(percentile(all, 99)))
	return nil
}

// walkEvents reads the first pages of a lookup, and returns how long the first took, and the others.
func walkEvents(ctx context.Context, c *client.Client, q client.EventQuery) (first time.Duration, others []time.Duration, err error) {
	began, n := time.Now(), 0
	for e, err := range c.Events(ctx, q) {
		switch {
		case err != nil:
			return 0, nil, err
		case e.ID == "":
			return 0, nil, errors.New("an event has no id")
		case n%lookupPage == 0 && n == 0:
			first = time.Since(began)
		case n%lookupPage == 0:
			others = append(others, time.Since(began))
		}
		if n++; n == lookupPages*lookupPage {
			return first, others, nil
		}
		if n%lookupPage == 0 {
			began = time.Now()
		}
	}
	if n == 0 { // nothing was found, which took as long
		first = time.Since(began)
	}
	return first, others, nil
}

// pastEvents is a history that is made up: 1 of 1,000 events is of a rare action by a rare user, half of them are reads, and the last quarter of the time has
// as many as all before.
type pastEvents struct {
	account string
	n       int
	now     time.Time
	r       *rand.Rand
	ids     []string // of some
}

var (
	pastNames    = []string{"CreateLogStore", "GetLogStore", "ListLogStores", "UpdateIndex", "CreateProject", "ListProject", "RunCommand", "DescribeInvocations", "ListUsers", "AttachPolicyToUser"}
	pastServices = []string{trail.ServiceSLS, trail.ServiceSLS, trail.ServiceSLS, trail.ServiceSLS, trail.ServiceSLS, trail.ServiceSLS, trail.ServiceECS, trail.ServiceECS, trail.ServiceRAM, trail.ServiceRAM}
)

const (
	rareName, rareUser, rareKey, rareResource = "DeleteLogStore", "intruder", "LTAIrare", "vault"

	pastUsers, pastResources = 200, 5000
	pastSpan                 = 89 * 24 * time.Hour
	rareEvery, idEvery       = 1000, 10_000
)

// event makes the event i.
func (p *pastEvents) event(i int) *trail.Event {
	part := float64(i) / float64(p.n)
	age := (1 - part) * 1.5 // the last half of the events is in the last quarter of the time
	if part > 0.5 {
		age = (1 - part) / 2
	} else {
		age -= 0.5
	}
	at := p.now.Add(-time.Duration(age * float64(pastSpan))).UTC().Truncate(time.Millisecond)
	k := p.r.IntN(len(pastNames))
	user, project := fmt.Sprintf("user%03d", p.r.IntN(pastUsers)), fmt.Sprintf("project%02d", p.r.IntN(pastResources/100))
	e := &trail.Event{
		ID: ledger.NewID(), Time: at, Received: at.Add(-time.Millisecond), Category: trail.Management, Type: trail.APICall, ReadOnly: k%2 == 1,
		Service: pastServices[k], Name: pastNames[k], APIVersion: "0.6.0", Region: "local", Host: project + ".logs.example.com", RequestID: fmt.Sprintf("%024X", i),
		Account: p.account, Identity: trail.Identity{Kind: trail.User, Account: p.account, User: user, AccessKey: "LTAI" + user},
		Source: netip.AddrFrom4([4]byte{192, 0, 2, byte(p.r.IntN(256))}), Agent: "log-python-sdk-v-0.9.12",
		Resources: []trail.Resource{
			{Type: "ACS::SLS::Project", Name: project},
			{Type: "ACS::SLS::Logstore", Name: fmt.Sprintf("store%04d", p.r.IntN(pastResources)), ARN: "acs:log:local:" + p.account + ":project/" + project},
		},
		Request: map[string]any{"logstoreName": "app", "ttl": 30, "shardCount": 2}, Status: 200,
		Additional: map[string]any{"SignatureVersion": "LOG-HMAC-SHA1", "bytesIn": 120, "bytesOut": 0, "latencyMs": 3},
	}
	if i%rareEvery == rareEvery/2 {
		e.Name, e.Identity.User, e.Identity.AccessKey, e.Resources[1].Name, e.ReadOnly = rareName, rareUser, rareKey, rareResource, false
	}
	if i%idEvery == 0 {
		p.ids = append(p.ids, e.ID)
	}
	return e
}

// pastKey is a way to look events up, and another value of it each time.
type pastKey struct {
	id, name string
	query    func() client.EventQuery
}

// keys are the eight keys, each with a value that is common in one walk and rare in the next, and none.
func (p *pastEvents) keys() []pastKey {
	turn := 0
	either := func(common func() string, rare string) string {
		if turn++; turn%2 == 0 {
			return rare
		}
		return common()
	}
	user := func() string { return fmt.Sprintf("user%03d", p.r.IntN(pastUsers)) }
	return []pastKey{
		{"none", "nothing", func() client.EventQuery { return client.EventQuery{} }},
		{"id", "id", func() client.EventQuery { return client.EventQuery{ID: p.ids[p.r.IntN(len(p.ids))]} }},
		{"name", "action", func() client.EventQuery {
			return client.EventQuery{Name: either(func() string { return pastNames[p.r.IntN(len(pastNames))] }, rareName)}
		}},
		{"rw", "read or write", func() client.EventQuery {
			return client.EventQuery{Access: either(func() string { return "Read" }, "Write")}
		}},
		{"user", "user", func() client.EventQuery { return client.EventQuery{User: either(user, rareUser)} }},
		{"key", "access key", func() client.EventQuery {
			return client.EventQuery{Key: either(func() string { return "LTAI" + user() }, rareKey)}
		}},
		{"type", "type of resource", func() client.EventQuery { return client.EventQuery{ResourceType: "ACS::SLS::Logstore"} }},
		{"resource", "resource", func() client.EventQuery {
			return client.EventQuery{ResourceName: either(func() string { return fmt.Sprintf("store%04d", p.r.IntN(pastResources)) }, rareResource)}
		}},
		{"service", "service", func() client.EventQuery {
			return client.EventQuery{Service: either(func() string { return "Sls" }, "Ram")}
		}},
		{"absent", "a user that there is not", func() client.EventQuery { return client.EventQuery{User: "nobody"} }},
	}
}

// write appends the events to the log of a server that does not run, by the recorder that servers have.
func (p *pastEvents) write(ctx context.Context, dir string) (err error) {
	logger := slog.New(slog.DiscardHandler)
	store, err := sqlite.Open(filepath.Join(dir, "meta.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	logs, err := shard.Open(vfs.OS{}, dir, shard.Options{Logger: logger, Now: time.Now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, logs.Close()) }()
	cat, err := catalog.New(ctx, store, logs, catalog.Options{Now: time.Now}, logger)
	if err != nil {
		return err
	}
	ring, err := auth.LoadOrCreateKeyring(filepath.Join(dir, "secret.key"))
	if err != nil {
		return err
	}
	const chunk = 10_000
	door := ingest.New(cat, ingest.Options{Past: -1, Future: -1})
	rec, err := ledger.Open(ctx, store, cat, door, ring, ledger.Options{Account: p.account, Days: -1, MaxQueued: 2 * chunk, MaxWait: time.Minute})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rec.Close()) }()
	for i := range p.n {
		e := p.event(i)
		if i%chunk != chunk-1 {
			rec.Offer(e)
			continue
		}
		if err := rec.Append(ctx, e); err != nil { // and so all before it
			return err
		}
	}
	return nil
}
