package client

import (
	"context"
	"net/url"
	"strconv"
	"time"
)

const esaVersion = "2024-09-10"

// Site is an edge site: a project with a logstore for each category of its logs.
type Site struct {
	ID      int64     `json:"SiteId"`
	Name    string    `json:"SiteName"` // a domain name
	Created time.Time `json:"CreateTime"`
}

// Project is the name of the site's project.
func (s Site) Project() string { return "esa-" + strconv.FormatInt(s.ID, 10) }

// CreateSite makes a site and returns its number. Error code: AlreadyExists.
func (c *Client) CreateSite(ctx context.Context, name string) (id int64, err error) {
	var out struct{ SiteID int64 }
	params := url.Values{"SiteName": {name}, "AccessType": {"NS"}, "Coverage": {"global"}, "InstanceId": {"self"}}
	err = c.rpc(ctx, esaVersion, "CreateSite", params, &out)
	return out.SiteID, err
}

// Sites lists the sites that the key may see.
func (c *Client) Sites(ctx context.Context) ([]Site, error) {
	const size = 500
	var all []Site
	for page := 1; ; page++ {
		var out struct {
			Sites      []Site
			TotalCount int
		}
		params := url.Values{"PageNumber": {strconv.Itoa(page)}, "PageSize": {strconv.Itoa(size)}}
		if err := c.rpc(ctx, esaVersion, "ListSites", params, &out); err != nil {
			return nil, err
		}
		all = append(all, out.Sites...)
		if len(out.Sites) < size {
			return all, nil
		}
	}
}

// DeleteSite deletes a site with its logs and its delivery tasks. Error code: InvalidSiteId.NotFound.
func (c *Client) DeleteSite(ctx context.Context, id int64) error {
	return c.rpc(ctx, esaVersion, "DeleteSite", url.Values{"SiteId": {strconv.FormatInt(id, 10)}}, nil)
}
