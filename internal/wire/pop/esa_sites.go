package pop

import (
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/site"
)

// CreateSite: makes a project esa-{SiteId} with a logstore for each category of logs that belongs to a site.
//
// Differs: the site is active at once; nothing is verified, and there are no name servers and no plans.

// ListSites: SiteName with SiteSearchType (exact, prefix, suffix, fuzzy) chooses; a key limited to projects sees its own.

// GetSite, DeleteSite: by SiteId. The site's logs and delivery tasks go with it.

var esaSites = []action{
	esa("CreateSite", true, (*API).createSite),
	esa("GetSite", false, (*API).getSite),
	esa("ListSites", false, (*API).listSites),
	esa("DeleteSite", true, (*API).deleteSite),
}

// siteModel is a site as clients see it.
type siteModel struct {
	SiteID     int64  `json:"SiteId"`
	SiteName   string `json:"SiteName"`
	Status     string `json:"Status"`
	AccessType string `json:"AccessType"`
	Coverage   string `json:"Coverage"`
	InstanceID string `json:"InstanceId"`
	CreateTime string `json:"CreateTime"`
	UpdateTime string `json:"UpdateTime"`
}

func newSiteModel(s site.Site) siteModel {
	at := s.Created.UTC().Format(time.RFC3339)
	return siteModel{s.ID, s.Name, "active", s.AccessType, s.Coverage, s.InstanceID, at, at}
}

func (a *API) createSite(q *request) (any, error) {
	if err := q.permit(""); err != nil {
		return nil, err
	}
	name, err := q.text("SiteName")
	if err != nil {
		return nil, err
	}
	made, err := a.Sites.Create(q.r.Context(), site.Site{
		Account: q.principal.Tenant(), Name: name, AccessType: q.params.Get("AccessType"), Coverage: q.params.Get("Coverage"), InstanceID: q.params.Get("InstanceId"),
	})
	if sluice.KindOf(err) == sluice.Invalid {
		return nil, invalid("SiteName", "%v", err)
	}
	if err != nil {
		return nil, err
	}
	return struct {
		SiteID int64 `json:"SiteId"`
	}{made.ID}, nil
}

func (a *API) getSite(q *request) (any, error) {
	id, err := a.siteID(q)
	if err != nil {
		return nil, err
	}
	s, err := a.Sites.Get(q.r.Context(), id)
	if err != nil {
		return nil, err
	}
	return struct{ SiteModel siteModel }{newSiteModel(s)}, nil
}

func (a *API) listSites(q *request) (any, error) {
	number, size, err := q.page()
	if err != nil {
		return nil, err
	}
	match, err := nameFilter(q.params.Get("SiteName"), q.params.Get("SiteSearchType"))
	if err != nil {
		return nil, err
	}
	all, err := a.Sites.List(q.r.Context())
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s site.Site) bool {
		return !match(s.Name) || !q.principal.Owns(s.Account) || q.permit(site.Project(s.ID)) != nil
	})
	q.call.Project = ""
	sites := []siteModel{}
	for _, s := range pageOf(all, number, size) {
		sites = append(sites, newSiteModel(s))
	}
	return struct {
		PageNumber, PageSize int64
		TotalCount           int
		Sites                []siteModel
	}{number, size, len(all), sites}, nil
}

// nameFilter is what a search for a name chooses; an empty text chooses all.
func nameFilter(text, how string) (func(name string) bool, error) {
	switch {
	case text == "":
		return func(string) bool { return true }, nil
	case how == "" || how == "exact":
		return func(name string) bool { return name == text }, nil
	case how == "prefix":
		return func(name string) bool { return strings.HasPrefix(name, text) }, nil
	case how == "suffix":
		return func(name string) bool { return strings.HasSuffix(name, text) }, nil
	case how == "fuzzy":
		return func(name string) bool { return strings.Contains(name, text) }, nil
	}
	return nil, invalid("SiteSearchType", "%.32q is none of exact, prefix, suffix, fuzzy", how)
}

// pageOf is one page of a list; pages are numbered from 1.
func pageOf[T any](all []T, number, size int64) []T {
	from := min((number-1)*size, int64(len(all)))
	return all[from:min(from+size, int64(len(all)))]
}

func (a *API) deleteSite(q *request) (any, error) {
	id, err := a.siteID(q)
	if err != nil {
		return nil, err
	}
	return nil, a.Sites.Delete(q.r.Context(), id)
}
