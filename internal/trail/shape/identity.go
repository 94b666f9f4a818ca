package shape

import (
	"github.com/sluicelog/sluice/internal/trail"
)

// cloudIdentity is who called, in a CloudTrail record (reference audit 1.1.3). Names stand in for the ids that AWS gives to users and roles.
type cloudIdentity struct {
	Type           string        `json:"type"`
	PrincipalID    string        `json:"principalId,omitempty"`
	ARN            string        `json:"arn,omitempty"`
	AccountID      string        `json:"accountId,omitempty"`
	AccessKeyID    string        `json:"accessKeyId,omitempty"`
	UserName       string        `json:"userName,omitempty"`
	InvokedBy      string        `json:"invokedBy,omitempty"`
	SessionContext *cloudSession `json:"sessionContext,omitempty"`
}

type cloudSession struct {
	Attributes    sessionAttributes `json:"attributes"`
	SessionIssuer cloudIssuer       `json:"sessionIssuer"`
}

// sessionAttributes are the same in both shapes, texts all of them.
type sessionAttributes struct {
	MFAAuthenticated string `json:"mfaAuthenticated"`
	CreationDate     string `json:"creationDate,omitempty"`
}

type cloudIssuer struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId"`
	ARN         string `json:"arn"`
	AccountID   string `json:"accountId"`
	UserName    string `json:"userName"`
}

func newCloudIdentity(e *trail.Event, o Options) cloudIdentity {
	i := e.Identity
	account := o.account(i.Account)
	c := cloudIdentity{Type: "Unknown", AccountID: account, AccessKeyID: clip(i.AccessKey), UserName: clip(i.User)}
	iam := "arn:aws:iam::" + account + ":"
	switch i.Kind {
	case trail.Root:
		c.Type, c.PrincipalID, c.ARN, c.UserName = "Root", account, iam+"root", ""
	case trail.User:
		c.Type, c.PrincipalID, c.ARN = "IAMUser", account+":"+c.UserName, iam+"user/"+c.UserName
	case trail.Role:
		role, session := clip(i.Role), clip(i.Session)
		c.Type, c.PrincipalID, c.UserName = "AssumedRole", account+":"+role+":"+session, ""
		c.ARN = "arn:aws:sts::" + account + ":assumed-role/" + role + "/" + session
		c.SessionContext = &cloudSession{
			Attributes:    newSessionAttributes(i),
			SessionIssuer: cloudIssuer{Type: "Role", PrincipalID: account + ":" + role, ARN: iam + "role/" + role, AccountID: account, UserName: role},
		}
	case trail.System:
		c = cloudIdentity{Type: "AWSService", InvokedBy: clip(o.Source(e.Service))}
	case trail.Machine:
		c.Type, c.PrincipalID, c.InvokedBy, c.UserName = "AWSService", c.UserName, clip(o.Source(e.Service)), ""
	default:
		c.UserName = unknownUser(e)
	}
	return c
}

func newSessionAttributes(i trail.Identity) sessionAttributes {
	a := sessionAttributes{MFAAuthenticated: "false"}
	if !i.Since.IsZero() {
		a.CreationDate = second(i.Since)
	}
	return a
}

// unknownUser is what was given as the name of a user, unless it was at a sign-in.
func unknownUser(e *trail.Event) string {
	if e.Type == trail.ConsoleSignIn && e.Identity.User != "" {
		return hiddenUser
	}
	return clip(e.Identity.User)
}

// actionIdentity is who called, in an ActionTrail event (reference audit 2.3).
type actionIdentity struct {
	Type           string         `json:"type"`
	PrincipalID    string         `json:"principalId,omitempty"`
	AccountID      string         `json:"accountId,omitempty"`
	UserName       string         `json:"userName,omitempty"`
	AccessKeyID    string         `json:"accessKeyId,omitempty"`
	SessionContext *actionSession `json:"sessionContext,omitempty"`
}

type actionSession struct {
	Attributes sessionAttributes `json:"attributes"`
}

// IdentityType is the type of an identity in ActionTrail's words: "ram-user".
func IdentityType(k trail.Kind) string {
	switch k {
	case trail.Root:
		return "root-account"
	case trail.User:
		return "ram-user"
	case trail.Role:
		return "assumed-role"
	case trail.System, trail.Machine:
		return "system"
	}
	return "unknown"
}

func newActionIdentity(e *trail.Event) actionIdentity {
	i := e.Identity
	a := actionIdentity{Type: IdentityType(i.Kind), AccountID: i.Account, UserName: clip(i.UserName()), AccessKeyID: clip(i.AccessKey)}
	switch i.Kind {
	case trail.Root:
		a.PrincipalID = i.Account
	case trail.User:
		a.PrincipalID = i.Account + ":" + a.UserName
	case trail.Role:
		a.PrincipalID, a.SessionContext = i.Account+":"+a.UserName, &actionSession{newSessionAttributes(i)}
	case trail.System:
	case trail.Machine:
		a.PrincipalID = a.UserName
	default:
		a.UserName = unknownUser(e)
	}
	return a
}
