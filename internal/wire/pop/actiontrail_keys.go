package pop

import (
	"slices"

	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/history"
	"github.com/sluicelog/sluice/internal/trail/shape"
)

// GetAccessKeyLastUsedInfo, GetAccessKeyLastUsedProducts, GetAccessKeyLastUsedEvents, GetAccessKeyLastUsedIps, GetAccessKeyLastUsedResources: what an access key was
// last used for in the account, newest first.
//
// Differs: of the last 90 days. Of data events only those that some trail asks for are known. Source is the category of the newest event, and Detail its id.

var auditKeys = []action{
	audit("GetAccessKeyLastUsedInfo", false, (*API).lastUsedInfo, "*"),
	audit("GetAccessKeyLastUsedProducts", false, (*API).lastUsedProducts, "*"),
	audit("GetAccessKeyLastUsedEvents", false, (*API).lastUsedEvents, "*"),
	audit("GetAccessKeyLastUsedIps", false, (*API).lastUsedIPs, "*"),
	audit("GetAccessKeyLastUsedResources", false, (*API).lastUsedResources, "*"),
}

// use is when, and by which event. Clients want milliseconds.
type use struct {
	UsedTimestamp  int64
	Source, Detail string
}

func useOf(u history.Use) use { return use{u.Time.UnixMilli(), string(u.Category), u.EventID} }

// product is what a service is called.
type product struct{ ServiceName, ServiceNameCn, ServiceNameEn string }

func newProduct(service string) product {
	name := shape.ServiceName(service)
	return product{name, name, name}
}

func (a *API) lastUsedInfo(q *request) (any, error) {
	key, err := q.text(paramUsedKey)
	if err != nil {
		return nil, err
	}
	type info struct {
		AccessKeyId                               string //nolint:revive // as clients spell it
		AccountId, AccountType, OwnerId, UserName string `json:",omitempty"` //nolint:revive // as clients spell it
		*product
		*use
	}
	answer := info{AccessKeyId: key}
	e, err := a.History.LastUse(q.r.Context(), q.account(), key)
	if err != nil || e == nil {
		return answer, err
	}
	u, p := use{e.Time.UnixMilli(), string(e.Category), e.ID}, newProduct(e.Service)
	answer.use, answer.product = &u, &p
	answer.AccountId, answer.OwnerId, answer.UserName = e.Identity.Account, e.Identity.Account, e.Identity.UserName()
	answer.AccountType = shape.IdentityType(e.Identity.Kind)
	return answer, nil
}

// usesOf are what the key of a request was used for, by fields.
func (a *API) usesOf(q *request, fields ...string) ([]history.Use, error) {
	key, err := q.text(paramUsedKey)
	if err != nil {
		return nil, err
	}
	service := q.params.Get("ServiceName")
	if known, ok := shape.ServiceNamed(service); ok {
		service = known
	}
	return a.History.Uses(q.r.Context(), q.account(), key, service, fields...)
}

func (a *API) lastUsedProducts(q *request) (any, error) {
	uses, err := a.usesOf(q, trail.FieldService)
	if err != nil {
		return nil, err
	}
	type used struct {
		product
		use
	}
	return struct{ Products []used }{each(uses, func(u history.Use) used { return used{newProduct(u.Values[0]), useOf(u)} })}, nil
}

func (a *API) lastUsedEvents(q *request) (any, error) {
	type used struct {
		EventName string
		use
	}
	page, next, err := pageOfUses(a, q, func(u history.Use) used { return used{u.Values[0], useOf(u)} }, trail.FieldName)
	return struct {
		Events    []used
		NextToken string `json:",omitempty"`
	}{page, next}, err
}

func (a *API) lastUsedIPs(q *request) (any, error) {
	type used struct {
		Ip string //nolint:revive // as clients spell it
		use
	}
	page, next, err := pageOfUses(a, q, func(u history.Use) used { return used{u.Values[0], useOf(u)} }, trail.FieldSource)
	return struct {
		Ips       []used
		NextToken string `json:",omitempty"`
	}{page, next}, err
}

func (a *API) lastUsedResources(q *request) (any, error) {
	type used struct {
		ResourceName, ResourceType string
		use
	}
	page, next, err := pageOfUses(a, q, func(u history.Use) used { return used{u.Values[0], u.Values[1], useOf(u)} }, trail.FieldResourceName, trail.FieldResourceType)
	return struct {
		Resources []used
		NextToken string `json:",omitempty"`
	}{page, next}, err
}

// pageOfUses is a page of uses of a key, without those that have nothing in the first field, such as calls that act on no resource.
func pageOfUses[M any](a *API, q *request, model func(history.Use) M, fields ...string) ([]M, string, error) {
	uses, err := a.usesOf(q, fields...)
	if err != nil {
		return nil, "", err
	}
	uses = slices.DeleteFunc(uses, func(u history.Use) bool { return u.Values[0] == "" })
	page, _, next, err := cut(q, "PageSize", uses)
	return each(page, model), next, err
}
