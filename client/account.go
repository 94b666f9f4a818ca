package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Account is a tenant of the server.
type Account struct {
	ID      string    `json:"accountId"`
	Name    string    `json:"name"`
	Root    bool      `json:"root"` // runs the installation
	Created time.Time `json:"createTime"`
}

// NewAccount is an account that was just made, with its first key, whose secret is told this once.
type NewAccount struct {
	Account
	AccessKeyID string `json:"accessKeyId"`
	Secret      string `json:"accessKeySecret"`
}

const accountsPath = "/sluice/v1/accounts"

// Accounts lists the accounts. Only a root key may.
func (c *Client) Accounts(ctx context.Context) ([]Account, error) {
	var page struct {
		Accounts []Account `json:"accounts"`
	}
	err := c.get(ctx, "", accountsPath, nil, &page)
	return page.Accounts, err
}

// CreateAccount makes an account. Only a root key may. Error code: AccountAlreadyExist.
func (c *Client) CreateAccount(ctx context.Context, name string) (NewAccount, error) {
	var made NewAccount
	err := c.sendJSON(ctx, http.MethodPost, "", accountsPath, nil, map[string]string{"name": name}, &made)
	return made, err
}

// DeleteAccount deletes an account without projects, and all that is in it. Only a root key may. Error code: AccountNotExist.
func (c *Client) DeleteAccount(ctx context.Context, id string) error {
	return c.send(ctx, call{method: http.MethodDelete, path: accountsPath + "/" + url.PathEscape(id)}, nil)
}
