package pop

import (
	"slices"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
)

// CreateAccessKey, UpdateAccessKey, DeleteAccessKey, ListAccessKeys, GetAccessKeyLastUsed: keys of a user, two at most; of the signer, if UserName is
// left out.
//
// Differs: keys of the account itself are no user's and are managed with actions of this server alone.

var ramKeys = []action{
	ram("CreateAccessKey", true, (*API).createAccessKey, theUser),
	ram("UpdateAccessKey", true, (*API).updateAccessKey, theUser),
	ram("DeleteAccessKey", true, (*API).deleteAccessKey, theUser),
	ram("ListAccessKeys", false, (*API).listAccessKeys, theUser),
	ram("GetAccessKeyLastUsed", false, (*API).getAccessKeyLastUsed, theUser),
}

type keyModel struct {
	AccessKeyId, Status, CreateDate string //nolint:revive // as clients spell it
}

// Status of a key.
const (
	active   = "Active"
	inactive = "Inactive"
)

func newKeyModel(k auth.Key) keyModel {
	status := active
	if k.Disabled {
		status = inactive
	}
	return keyModel{k.ID, status, dated(k.Created)}
}

func (a *API) createAccessKey(q *request) (any, error) {
	made, err := a.Keys.Create(q.r.Context(), auth.NewKey{Account: q.account(), User: q.params.Get(paramUser)})
	if err != nil {
		return nil, err
	}
	k, err := a.Keys.Get(q.r.Context(), made.ID)
	if err != nil {
		return nil, err
	}
	type model struct {
		keyModel
		AccessKeySecret string
	}
	return struct{ AccessKey model }{model{newKeyModel(k), made.Secret}}, nil
}

// userKeys are the keys of the user that a request is about.
func (a *API) userKeys(q *request) ([]auth.Key, error) {
	user := q.params.Get(paramUser)
	if _, err := a.Identity.User(q.r.Context(), q.account(), user); err != nil {
		return nil, err
	}
	all, err := a.Keys.List(q.r.Context())
	return slices.DeleteFunc(all, func(k auth.Key) bool { return k.Account != q.account() || k.User != user }), err
}

// userKey is the key that a request is about, if it is the user's.
func (a *API) userKey(q *request) (string, error) {
	id, err := q.text(paramKey)
	if err != nil {
		return "", err
	}
	keys, err := a.userKeys(q)
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(keys, func(k auth.Key) bool { return k.ID == id }) {
		return "", sluice.Errorf(sluice.NotFound, "accesskey", "the user %s has no access key %.128s", q.params.Get(paramUser), id)
	}
	return id, nil
}

func (a *API) updateAccessKey(q *request) (any, error) {
	id, err := a.userKey(q)
	if err != nil {
		return nil, err
	}
	status, err := q.text("Status")
	if err != nil {
		return nil, err
	}
	switch status {
	case active:
		return nil, a.Keys.Enable(q.r.Context(), id)
	case inactive:
		return nil, a.Keys.Disable(q.r.Context(), id)
	}
	return nil, invalid("Status", "%.32q is neither %s nor %s", status, active, inactive)
}

func (a *API) deleteAccessKey(q *request) (any, error) {
	id, err := a.userKey(q)
	if err != nil {
		return nil, err
	}
	return nil, a.Keys.Delete(q.r.Context(), id)
}

func (a *API) listAccessKeys(q *request) (any, error) {
	keys, err := a.userKeys(q)
	var answer struct {
		AccessKeys struct{ AccessKey []keyModel }
	}
	answer.AccessKeys.AccessKey = each(keys, newKeyModel)
	return answer, err
}

func (a *API) getAccessKeyLastUsed(q *request) (any, error) {
	id, err := a.userKey(q)
	if err != nil {
		return nil, err
	}
	k, err := a.Keys.Get(q.r.Context(), id)
	var answer struct {
		AccessKeyLastUsed struct{ LastUsedDate string }
	}
	answer.AccessKeyLastUsed.LastUsedDate = dated(k.LastUsed)
	return answer, err
}
