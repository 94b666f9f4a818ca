package node

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/capture"
	"github.com/sluicelog/sluice/internal/trail/ledger"
	"github.com/sluicelog/sluice/internal/trail/operation"
)

// openTrail opens the audit events, makes their project the server's own, and notes the start of the server.
func (n *Node) openTrail(ctx context.Context, c *config.Config, o Options, store meta.Store, logs *shard.Store, ring *auth.Keyring, directory *iam.Directory) error {
	root, err := directory.EnsureRoot(ctx)
	if err != nil {
		return err
	}
	n.root = root.ID
	days := c.Trail.HistoryDays
	if days == 0 {
		days = -1
	}
	door := ingest.New(n.Catalog, ingest.Options{Past: -1, Future: -1, Now: o.Now}) // no quota, and the only one that leads there
	if n.Trail, err = ledger.Open(ctx, store, n.Catalog, door, ring, ledger.Options{
		Region: c.Assistant.Region, Account: root.ID, Days: days, AnchorEvery: c.Trail.AnchorInterval, KeyDays: c.Trail.KeyDays, Now: o.Now, Logger: o.Logger,
		Reserve: ledger.Reserve{Door: door.FromReserve(), Left: func() int64 { return logs.Status().Reserve }},
	}); err != nil {
		return err
	}
	n.keys.Guard(trail.Project)
	n.Catalog.Protect(trail.Project)
	n.Trail.Note(trail.ServerStarted, map[string]any{"release": o.Release, "strict": c.Trail.Strict, "historyDays": c.Trail.HistoryDays})
	n.onClose(func() error {
		n.Trail.Note(trail.ServerStopped, nil)
		return n.Trail.Close()
	})
	return nil
}

func captureOptions(c *config.Config, o Options, directory *iam.Directory, keys *auth.Keys, who *auth.Authenticator) capture.Options {
	return capture.Options{
		Region: c.Assistant.Region, Root: directory.Root(), Strict: c.Trail.Strict, OneIn: c.Trail.DataOneIn, Now: o.Now,
		Owner:  func(project string) string { return keys.AccountOf(context.Background(), project) },
		Source: func(r *http.Request) netip.Addr { return who.Anonymous(r).Source() },
	}
}

// deliveryDisabled notes that a delivery task was paused by the engine.
func (n *Node) deliveryDisabled(project, task, reason string) {
	n.Trail.Note(trail.DeliveryDisabled, map[string]any{"project": project, "task": task, "reason": reason})
}

// enrolment is what an agent of the assistant asked without a dialect, and what came of it.
type enrolment struct {
	from                       netip.Addr
	activation, name, hostname string
	tags                       int
	instance                   string
	err                        error
}

// accountOfActivation is the number of the account that an activation belongs to: the root account's of one that nobody has.
func (n *Node) accountOfActivation(ctx context.Context, id string) (string, error) {
	account, err := n.Assistant.ActivationAccount(context.WithoutCancel(ctx), id)
	return cmp.Or(account, n.root), err
}

// enrolled makes an audit event of an enrolment, in the account of its activation. In strict mode the agent is answered when its event is on disk; an error is that it is not.
func (n *Node) enrolled(ctx context.Context, c *config.Config, now time.Time, r enrolment) error {
	account, err := n.accountOfActivation(ctx, r.activation)
	if err != nil {
		return err
	}
	op := operation.Find(trail.ServiceAgent, "EnrolInstance")
	e := &trail.Event{
		ID: ledger.NewID(), Time: now, Received: now, Category: op.Category, Type: trail.APICall, ReadOnly: op.ReadOnly, Service: trail.ServiceECS, Name: op.Name,
		Region: c.Assistant.Region, Account: account, Identity: trail.Identity{Kind: trail.Machine}, Source: r.from, Status: http.StatusOK,
		Request:   op.Request(map[string]any{"ActivationId": r.activation, "InstanceName": r.name, "Hostname": r.hostname, "tags": r.tags}),
		Resources: []trail.Resource{{Type: "ACS::ECS::Activation", Name: r.activation}},
	}
	if r.err != nil {
		e.Status, e.ErrorCode, e.ErrorMessage = http.StatusForbidden, "EnrolmentRefused", "the enrolment was refused"
		var refused *agentproto.Refused
		if errors.As(r.err, &refused) {
			e.ErrorCode = refused.Code
		}
	} else {
		e.Identity.User, e.Response = r.instance, map[string]any{"InstanceId": r.instance}
		e.Resources = append(e.Resources, trail.Resource{Type: "ACS::ECS::Instance", Name: r.instance})
	}
	if c.Trail.Strict {
		return n.Trail.Append(context.WithoutCancel(ctx), e)
	}
	n.Trail.Offer(e)
	return nil
}
