package history

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/trail"
)

// MaxUses is how many uses of a key are told.
const MaxUses = 1000

// Use is what an access key was last used for, with these values of the fields that uses are told apart by.
type Use struct {
	Values  []string
	Time    time.Time
	EventID string // of the newest
}

// Uses tells what an access key was used for in the account within the last 90 days, the newest use first: one for each combination of values of the
// fields, data events among them where any were recorded. service, if not "", is the only one that counts. Errors: Invalid "lookupattribute"; those of
// the search; Unavailable "lookup" if something could not be read.
func (h *History) Uses(ctx context.Context, account, key, service string, fields ...string) ([]Use, error) {
	q := Query{Data: true, Max: 1, Attributes: []Attribute{{trail.FieldAccessKey, key}}}
	if service != "" {
		q.Attributes = append(q.Attributes, Attribute{trail.FieldService, service})
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	place, err := h.begin(account, &q)
	if err != nil {
		return nil, err
	}
	columns := make([]string, len(fields))
	for i, f := range fields {
		columns[i] = strconv.Quote(f)
	}
	list := strings.Join(columns, ", ")
	text := fmt.Sprintf(`select max(%[2]q) as used, max_by(%[3]q, %[2]q) as id, %[1]s group by %[1]s order by used desc, %[1]s limit %[4]d`,
		list, trail.FieldTime, trail.FieldID, MaxUses)
	found, err := h.engine.SQL(ctx, query.Filter{Ref: h.ref, Range: place.window(), Search: q.search(account)}, text)
	if err != nil {
		return nil, err
	}
	if !found.Complete {
		return nil, sluice.Errorf(sluice.Unavailable, "lookup", "not all events could be read, ask again later")
	}
	uses := make([]Use, 0, len(found.Rows))
	for _, row := range found.Rows {
		at, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the time of a use is %.40q: %w", row[0], err)
		}
		uses = append(uses, Use{Time: time.UnixMilli(at).UTC(), EventID: row[1], Values: row[2:]})
	}
	return uses, nil
}
