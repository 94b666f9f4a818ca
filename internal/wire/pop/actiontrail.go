package pop

import (
	"strconv"
	"time"

	"github.com/sluicelog/sluice/internal/trail/trails"
)

// The actions of ActionTrail (reference audit 2): version 2020-07-06, and of 2017-12-04 those that clients still call. Trails are those of the account of
// whoever signs.

const (
	actionTrailVersion    = "2020-07-06"
	oldActionTrailVersion = "2017-12-04"
)

// Parameters that many actions have.
const (
	paramTrail    = "Name"
	paramOfTrail  = "TrailName"
	paramJob      = "JobId"
	paramUsedKey  = "AccessKey"
	paramNextPage = "NextToken"
)

// Resources that actions act on.
const (
	theTrail   = "trail/{" + paramTrail + "}"
	ofTheTrail = "trail/{" + paramOfTrail + "}"
	anyTrail   = "trail/*"
)

// audit makes a row of the table of ActionTrail's actions, and oldAudit one of its old version.
func audit(name string, mutating bool, handle func(*API, *request) (any, error), resources ...string) action {
	return action{version: actionTrailVersion, name: name, permission: "actiontrail:" + name, mutating: mutating, resources: resources, handle: handle}
}

func oldAudit(a action) action {
	a.version = oldActionTrailVersion
	return a
}

// trailKey names the trail that a parameter names.
func (q *request) trailKey(param string) (trails.Key, error) {
	name, err := q.text(param)
	return trails.Key{Account: q.account(), Flavor: trails.ActionTrail, Name: name}, err
}

// moment is a time; the zero time if it is not given.
func (q *request) moment(name string) (time.Time, error) {
	v := q.params.Get(name)
	if v == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, v)
	if err != nil {
		return time.Time{}, invalid(name, "%.64q is not a time such as 2026-01-05T00:12:31Z", v)
	}
	return t, nil
}

// cut is the page of a list that NextToken and a parameter for its size ask for, and the token of the next. Tokens are numbers.
func cut[T any](q *request, sized string, all []T) (page []T, size int, next string, err error) {
	const usual, most = 20, 100
	n, err := q.number(sized, usual, 0, most)
	if err != nil {
		return nil, 0, "", err
	}
	if n == 0 {
		n = usual
	}
	from, err := q.number(paramNextPage, 0, 0, int64(len(all)))
	if err != nil {
		return nil, 0, "", err
	}
	page = all[from:]
	if int64(len(page)) > n {
		page, next = page[:n], strconv.FormatInt(from+n, 10)
	}
	if page == nil {
		page = []T{}
	}
	return page, int(n), next, nil
}
