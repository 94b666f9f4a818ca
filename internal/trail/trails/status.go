package trails

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Route is one way of a trail: to its bucket, or to its logstore.
type Route string

// The routes.
const (
	ToBucket   Route = "bucket"
	ToLogstore Route = "logstore"
)

// Routes are the ways that t has.
func (t *Trail) Routes() (all []Route) {
	if t.Bucket != "" {
		all = append(all, ToBucket)
	}
	if t.Project != "" {
		all = append(all, ToLogstore)
	}
	return all
}

// Progress is how far a route of a trail got. The courier writes it.
type Progress struct {
	Through   time.Time `json:"through,omitzero"`   // all events of the trail from before are delivered
	Attempted time.Time `json:"attempted,omitzero"` // the last try of a delivery
	Delivered time.Time `json:"delivered,omitzero"` // the last success
	Error     string    `json:"error,omitempty"`    // of the last try if it failed: the service's code, as it came: "NoSuchBucket"
	Detail    string    `json:"detail,omitempty"`   // what else it said
	Events    int64     `json:"events,omitempty"`   // delivered so far

	DigestDelivered time.Time `json:"digestDelivered,omitzero"`
	DigestError     string    `json:"digestError,omitempty"`
	DigestDetail    string    `json:"digestDetail,omitempty"`
}

// Status is how a trail fares.
type Status struct {
	Trail
	OfBucket, OfLogstore Progress // of its routes; zero for one that it does not have
}

// KindProgress is the kind of the items that the courier keeps of a route: by [ItemName], with a [Progress] under "progress".
const KindProgress = "trailroute"

// ItemName is that of the item of a route.
func ItemName(id string, r Route) string { return id + "/" + string(r) }

// Status returns a trail and how its deliveries fare. Errors: NotFound "trail".
func (s *Trails) Status(ctx context.Context, k Key) (st Status, err error) {
	err = s.store.View(ctx, func(tx meta.Tx) (err error) {
		if st.Trail, err = read(tx, k); err != nil {
			return err
		}
		if st.OfBucket, err = progress(tx, st.ID, ToBucket); err != nil {
			return err
		}
		st.OfLogstore, err = progress(tx, st.ID, ToLogstore)
		return err
	})
	return st, err
}

// progress is the zero Progress for a route that never moved.
func progress(tx meta.Tx, id string, r Route) (Progress, error) {
	item, err := tx.Item(KindProgress, ItemName(id, r))
	if sluice.KindOf(err) == sluice.NotFound {
		return Progress{}, nil
	}
	if err != nil {
		return Progress{}, err
	}
	var body struct{ Progress Progress }
	if err := json.Unmarshal(item.Body, &body); err != nil {
		return Progress{}, fmt.Errorf("progress of trail %s: %w", id, err)
	}
	return body.Progress, nil
}

// through is until when everything of t is delivered by all of its routes.
func through(tx meta.Tx, t *Trail) (time.Time, error) {
	var least time.Time
	for i, r := range t.Routes() {
		p, err := progress(tx, t.ID, r)
		if err != nil {
			return least, err
		}
		if i == 0 || p.Through.Before(least) {
			least = p.Through
		}
	}
	return least, nil
}
