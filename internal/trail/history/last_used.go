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
	Values   []string // "" for a field that the events do not have
	Time     time.Time
	EventID  string // of the newest
	Category trail.Category
}

// Uses tells what an access key was used for in the account within the last 90 days, the newest use first: one for each combination of values of the
// fields, data events among them where any were recorded. service, if not "", is the only one that counts. Errors: Invalid "lookupattribute"; those of
// the search; Unavailable "lookup" if something could not be read.
func (h *History) Uses(ctx context.Context, account, key, service string, fields ...string) ([]Use, error) {
	q := Query{Data: true, Max: 1, Attributes: []Attribute{{trail.FieldAccessKey, key}}}
	if service != "" {
		q.Attributes = append(q.Attributes, Attribute{trail.FieldService, service})
	}
	if err := q.check(MaxPage); err != nil {
		return nil, err
	}
	place, err := h.begin(account, &q)
	if err != nil {
		return nil, err
	}
	columns, numbers := make([]string, len(fields)), make([]string, len(fields))
	for i, f := range fields {
		columns[i] = fmt.Sprintf("coalesce(%q, '')", f)
		numbers[i] = strconv.Itoa(i + 4) // behind those that are not grouped by
	}
	list, ordinals := strings.Join(columns, ", "), strings.Join(numbers, ", ")
	text := fmt.Sprintf(`select max(%[2]q) as used, max_by(%[3]q, %[2]q) as id, max_by(%[5]q, %[2]q) as kind, %[1]s group by %[6]s order by used desc, %[6]s limit %[4]d`,
		list, trail.FieldTime, trail.FieldID, MaxUses, trail.FieldCategory, ordinals)
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
		uses = append(uses, Use{Time: time.UnixMilli(at).UTC(), EventID: row[1], Category: trail.Category(row[2]), Values: row[3:]})
	}
	return uses, nil
}

// LastUse is the newest event of an access key in the account within the last 90 days, data events among them; nil if there is none. Errors: Invalid
// "lookupattribute"; those of the search.
func (h *History) LastUse(ctx context.Context, account, key string) (*trail.Event, error) {
	page, err := h.Read(ctx, account, Query{Data: true, Max: 1, Attributes: []Attribute{{trail.FieldAccessKey, key}}})
	if err != nil || len(page.Events) == 0 {
		return nil, err
	}
	return page.Events[0], nil
}
