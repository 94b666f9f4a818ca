package client

import (
	"context"
	"strconv"
	"time"
)

const stsVersion = "2015-04-01"

// Identity is who signs.
type Identity struct {
	Type        string `json:"IdentityType"` // Account, RAMUser or AssumedRoleUser
	AccountID   string `json:"AccountId"`
	PrincipalID string `json:"PrincipalId"`
	ARN         string `json:"Arn"`
}

// WhoAmI returns who signs.
func (c *Client) WhoAmI(ctx context.Context) (Identity, error) {
	var who Identity
	err := c.rpc(ctx, stsVersion, "GetCallerIdentity", nil, &who)
	return who, err
}

// AssumeRole says which role to assume, and how.
type AssumeRole struct {
	Role       string        // acs:ram::ACCOUNT:role/NAME
	Session    string        // name of the session
	Life       time.Duration // 0 means an hour
	Policy     string        // what the session may at most; "" is no limit
	ExternalID string
}

// Credentials are those of a session.
type Credentials struct {
	AccessKeyID   string `json:"AccessKeyId"`
	Secret        string `json:"AccessKeySecret"`
	SecurityToken string
	Expires       time.Time `json:"Expiration"`
}

// AssumeRole returns credentials of a role for a while. Error code: Forbidden.RAM.
func (c *Client) AssumeRole(ctx context.Context, a AssumeRole) (Credentials, error) {
	var out struct{ Credentials Credentials }
	seconds := ""
	if a.Life > 0 {
		seconds = strconv.FormatInt(int64(a.Life/time.Second), 10)
	}
	params := paramsOf([]string{"RoleArn", a.Role, "RoleSessionName", a.Session, "DurationSeconds", seconds, "Policy", a.Policy, "ExternalId", a.ExternalID})
	err := c.rpc(ctx, stsVersion, "AssumeRole", params, &out)
	return out.Credentials, err
}
