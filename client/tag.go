package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// Tagged is a thing that has tags.
type Tagged struct {
	Type string // project, logstore, dashboard, machinegroup or logtailconfig
	ID   string // "PROJECT", or "PROJECT#NAME"
	Tags map[string]string
}

type tagWire struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Tag gives a thing tags; those of the same keys are replaced. At most 20 at once.
func (c *Client) Tag(ctx context.Context, thing Tagged) error {
	tags := []tagWire{}
	for key, value := range thing.Tags {
		tags = append(tags, tagWire{key, value})
	}
	body := map[string]any{"resourceType": thing.Type, "resourceId": []string{thing.ID}, "tags": tags}
	return c.sendJSON(ctx, http.MethodPost, "", "/tag", nil, body, nil)
}

// Untag takes the tags with these keys from a thing; no keys take them all.
func (c *Client) Untag(ctx context.Context, kind, id string, keys ...string) error {
	body := map[string]any{"resourceType": kind, "resourceId": []string{id}, "tags": array(keys), "all": len(keys) == 0}
	return c.sendJSON(ctx, http.MethodPost, "", "/untag", nil, body, nil)
}

func array(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// Tags lists the things of a type that have tags, by id: those with these ids, or all of a project, or, if project is "", of all
// projects.
func (c *Client) Tags(ctx context.Context, project, kind string, ids ...string) ([]Tagged, error) {
	query := url.Values{"resourceType": {kind}}
	if len(ids) > 0 {
		raw, err := json.Marshal(ids)
		if err != nil {
			return nil, err
		}
		query.Set("resourceId", string(raw))
	}
	var things []Tagged
	for {
		var page struct {
			Next string `json:"nextToken"`
			Tags []struct {
				ID    string `json:"resourceId"`
				Key   string `json:"tagKey"`
				Value string `json:"tagValue"`
			} `json:"tagResources"`
		}
		if err := c.get(ctx, project, "/tags", query, &page); err != nil {
			return nil, err
		}
		for _, t := range page.Tags {
			if n := len(things); n == 0 || things[n-1].ID != t.ID {
				things = append(things, Tagged{Type: kind, ID: t.ID, Tags: map[string]string{}})
			}
			things[len(things)-1].Tags[t.Key] = t.Value
		}
		if page.Next == "" {
			return things, nil
		}
		query.Set("nextToken", page.Next)
	}
}
