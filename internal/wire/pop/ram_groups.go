package pop

import (
	"slices"

	"github.com/sluicelog/sluice/internal/iam"
)

// CreateGroup, GetGroup, DeleteGroup, ListGroups: groups of users.

// AddUserToGroup, RemoveUserFromGroup, ListUsersForGroup, ListGroupsForUser: who is in them. To put somebody into a group one has to be allowed to do
// it to both.

var ramGroups = []action{
	ram("CreateGroup", true, (*API).createGroup, theGroup),
	ram("GetGroup", false, (*API).getGroup, theGroup),
	ram("DeleteGroup", true, (*API).deleteGroup, theGroup),
	ram("ListGroups", false, (*API).listGroups, "group/*"),
	ram("AddUserToGroup", true, (*API).addUserToGroup, theUser, theGroup),
	ram("RemoveUserFromGroup", true, (*API).removeUserFromGroup, theUser, theGroup),
	ram("ListUsersForGroup", false, (*API).listUsersForGroup, theGroup),
	ram("ListGroupsForUser", false, (*API).listGroupsForUser, theUser),
}

type groupModel struct {
	GroupId, GroupName, Comments, CreateDate, UpdateDate string //nolint:revive // as clients spell it
}

func newGroupModel(g iam.Group) groupModel {
	return groupModel{g.ID, g.Name, g.Comments, dated(g.Created), dated(g.Modified)}
}

type groupAnswer struct{ Group groupModel }

func (a *API) createGroup(q *request) (any, error) {
	g, err := a.Identity.CreateGroup(q.r.Context(), iam.Group{
		Entry: iam.Entry{Account: q.account(), Name: q.params.Get(paramGroup)}, Comments: q.params.Get("Comments"),
	})
	return groupAnswer{newGroupModel(g)}, err
}

func (a *API) getGroup(q *request) (any, error) {
	g, err := a.Identity.Group(q.r.Context(), q.account(), q.params.Get(paramGroup))
	return groupAnswer{newGroupModel(g)}, err
}

func (a *API) deleteGroup(q *request) (any, error) {
	return nil, a.Identity.DeleteGroup(q.r.Context(), q.account(), q.params.Get(paramGroup))
}

// groupsAnswer is a page of groups.
type groupsAnswer struct {
	part[iam.Group]
	Groups struct{ Group []groupModel }
}

func answerGroups(q *request, all []iam.Group) (any, error) {
	var answer groupsAnswer
	var err error
	answer.part, err = partOf(q, all, func(g iam.Group) string { return g.Name })
	answer.Groups.Group = each(answer.items, newGroupModel)
	return answer, err
}

func (a *API) listGroups(q *request) (any, error) {
	all, err := a.Identity.Groups(q.r.Context(), q.account())
	if err != nil {
		return nil, err
	}
	return answerGroups(q, all)
}

func (a *API) addUserToGroup(q *request) (any, error) {
	return nil, a.Identity.AddToGroup(q.r.Context(), q.account(), q.params.Get(paramUser), q.params.Get(paramGroup))
}

func (a *API) removeUserFromGroup(q *request) (any, error) {
	return nil, a.Identity.RemoveFromGroup(q.r.Context(), q.account(), q.params.Get(paramUser), q.params.Get(paramGroup))
}

func (a *API) listUsersForGroup(q *request) (any, error) {
	all, err := a.Identity.Members(q.r.Context(), q.account(), q.params.Get(paramGroup))
	if err != nil {
		return nil, err
	}
	return answerUsers(q, all)
}

func (a *API) listGroupsForUser(q *request) (any, error) {
	u, err := a.Identity.User(q.r.Context(), q.account(), q.params.Get(paramUser))
	if err != nil {
		return nil, err
	}
	all, err := a.Identity.Groups(q.r.Context(), q.account())
	if err != nil {
		return nil, err
	}
	return answerGroups(q, slices.DeleteFunc(all, func(g iam.Group) bool { return !slices.Contains(u.Groups, g.Name) }))
}
