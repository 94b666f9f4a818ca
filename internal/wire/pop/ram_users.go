package pop

import (
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/iam"
)

// CreateUser, GetUser, UpdateUser, DeleteUser, ListUsers: users of the signer's account. GetUser without a name is the signer.
//
// Differs: users have no passwords and no consoles; MobilePhone and Email are kept and shown, and nothing is sent there.

var ramUsers = []action{
	ram("CreateUser", true, (*API).createUser, theUser),
	ram("GetUser", false, (*API).getUser, theUser),
	ram("UpdateUser", true, (*API).updateUser, theUser),
	ram("DeleteUser", true, (*API).deleteUser, theUser),
	ram("ListUsers", false, (*API).listUsers, "user/*"),
}

type userModel struct {
	UserId, UserName, DisplayName, MobilePhone, Email, Comments, CreateDate, UpdateDate string //nolint:revive // as clients spell it
}

func newUserModel(u iam.User) userModel {
	return userModel{u.ID, u.Name, u.DisplayName, u.MobilePhone, u.Email, u.Comments, dated(u.Created), dated(u.Modified)}
}

func nameOfUser(u iam.User) string { return u.Name }

type userAnswer struct{ User userModel }

func (a *API) createUser(q *request) (any, error) {
	u, err := a.Identity.CreateUser(q.r.Context(), iam.User{
		Entry: iam.Entry{Account: q.account(), Name: q.params.Get(paramUser)}, DisplayName: q.params.Get("DisplayName"),
		MobilePhone: q.params.Get("MobilePhone"), Email: q.params.Get("Email"), Comments: q.params.Get("Comments"),
	})
	return userAnswer{newUserModel(u)}, err
}

func (a *API) getUser(q *request) (any, error) {
	u, err := a.Identity.User(q.r.Context(), q.account(), q.params.Get(paramUser))
	return userAnswer{newUserModel(u)}, err
}

func (a *API) updateUser(q *request) (any, error) {
	if q.params.Has("NewUserName") { // who may change a user may not for that take the name of another
		path, err := q.fill("user/{NewUserName}")
		if err != nil {
			return nil, err
		}
		if err := q.authorize(auth.Resource{Path: path}); err != nil {
			return nil, err
		}
	}
	u, err := a.Identity.UpdateUser(q.r.Context(), q.account(), q.params.Get(paramUser), func(u *iam.User) {
		for name, field := range map[string]*string{
			"NewUserName": &u.Name, "NewDisplayName": &u.DisplayName, "NewMobilePhone": &u.MobilePhone, "NewEmail": &u.Email, "NewComments": &u.Comments,
		} {
			if q.params.Has(name) {
				*field = q.params.Get(name)
			}
		}
	})
	return userAnswer{newUserModel(u)}, err
}

func (a *API) deleteUser(q *request) (any, error) {
	return nil, a.Identity.DeleteUser(q.r.Context(), q.account(), q.params.Get(paramUser))
}

// usersAnswer is a page of users.
type usersAnswer struct {
	part[iam.User]
	Users struct{ User []userModel }
}

func answerUsers(q *request, all []iam.User) (any, error) {
	var answer usersAnswer
	var err error
	answer.part, err = partOf(q, all, nameOfUser)
	answer.Users.User = each(answer.items, newUserModel)
	return answer, err
}

func (a *API) listUsers(q *request) (any, error) {
	all, err := a.Identity.Users(q.r.Context(), q.account())
	if err != nil {
		return nil, err
	}
	return answerUsers(q, all)
}
