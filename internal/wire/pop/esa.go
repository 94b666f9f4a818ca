package pop

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/category"
	"github.com/sluicelog/sluice/internal/site"
)

// The actions of ESA, version 2024-09-10 (reference delivery a): sites, the fields of their logs, and the delivery of those logs.

const esaVersion = "2024-09-10"

// esa makes a row of the table of ESA's actions.
func esa(name string, mutating bool, handle func(*API, *request) (any, error)) action {
	return action{version: esaVersion, name: name, permission: "esa:" + name, mutating: mutating, handle: handle}
}

// siteID is the parameter SiteId of a site that is there, and that the signer may touch.
func (a *API) siteID(q *request) (int64, error) {
	if _, err := q.text("SiteId"); err != nil {
		return 0, err
	}
	id, err := q.number("SiteId", 0, 1, 1<<53)
	if err != nil {
		return 0, err
	}
	if err := q.permit(site.Project(id)); sluice.KindOf(err) == sluice.NotFound {
		return 0, sluice.Errorf(sluice.NotFound, "site", "site %d does not exist", id)
	} else if err != nil { // before anybody is told whether the site is there
		return 0, err
	}
	_, err = a.Sites.Get(q.r.Context(), id)
	return id, err
}

// business is the parameter BusinessType, of a category in this scope.
func (q *request) business(scope category.Scope) (category.Category, error) {
	id := q.params.Get("BusinessType")
	if id == "" {
		if scope == category.Account {
			return category.Category{}, missing("BusinessType")
		}
		id = category.Default
	}
	c, ok := category.Find(id)
	if !ok {
		return c, invalid("BusinessType", "%.64q is none of %v", id, categoryNames())
	}
	if c.Scope != scope {
		return c, invalid("BusinessType", "the logs of %s belong to %s", c.ID, map[category.Scope]string{
			category.Site: "a site: use the actions with Site in their names", category.Account: "the account: use the actions with User in their names",
		}[c.Scope])
	}
	return c, nil
}

func categoryNames() []string {
	var names []string
	for _, c := range category.All() {
		names = append(names, c.ID)
	}
	return names
}
