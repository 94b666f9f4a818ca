package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Project is a namespace of logstores.
type Project struct {
	Name        string    `json:"projectName"`
	Description string    `json:"description"`
	Status      string    `json:"status"` // Normal or Disable
	Region      string    `json:"region"`
	Created     time.Time `json:"createTime"`
	Modified    time.Time `json:"lastModifyTime"`
}

// projectWire is a project as the server writes it: times are strings, of seconds since 1970 or of a date.
type projectWire struct {
	Name        string `json:"projectName"`
	Description string `json:"description"`
	Status      string `json:"status"`
	Region      string `json:"region"`
	Created     string `json:"createTime"`
	Modified    string `json:"lastModifyTime"`
}

func (w projectWire) project() Project {
	return Project{
		Name: w.Name, Description: w.Description, Status: w.Status, Region: w.Region,
		Created: parseTime(w.Created), Modified: parseTime(w.Modified),
	}
}

// parseTime reads seconds since 1970 or "2006-01-02 15:04:05"; anything else is the zero time.
func parseTime(s string) time.Time {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return unixTime(n)
	}
	t, err := time.ParseInLocation(time.DateTime, s, time.Local)
	if err != nil {
		return time.Time{}
	}
	return t
}

// unixTime turns seconds since 1970 into a time; 0 is the zero time.
func unixTime(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

// pageSize is how much of a list is asked for at once, the largest the dialect allows.
const pageSize = 500

// Projects lists the projects that the credentials may see, by name.
func (c *Client) Projects(ctx context.Context) ([]Project, error) {
	projects := []Project{}
	for {
		var page struct {
			Total    int           `json:"total"`
			Projects []projectWire `json:"projects"`
		}
		if err := c.get(ctx, "", "/", pageQuery(len(projects)), &page); err != nil {
			return nil, err
		}
		for _, w := range page.Projects {
			projects = append(projects, w.project())
		}
		if len(page.Projects) == 0 || len(projects) >= page.Total {
			return projects, nil
		}
	}
}

func pageQuery(offset int) url.Values {
	return url.Values{"offset": {strconv.Itoa(offset)}, "size": {strconv.Itoa(pageSize)}}
}

// Project returns one project.
func (c *Client) Project(ctx context.Context, name string) (Project, error) {
	var w projectWire
	if err := c.get(ctx, name, "/", nil, &w); err != nil {
		return Project{}, err
	}
	return w.project(), nil
}

// CreateProject makes a project. Names have 3 to 63 characters of a-z, 0-9 and "-" and are unique over the installation.
func (c *Client) CreateProject(ctx context.Context, name, description string) error {
	in := map[string]string{"projectName": name, "description": description}
	return c.sendJSON(ctx, http.MethodPost, name, "/", nil, in, nil)
}

// UpdateProject changes the description of a project.
func (c *Client) UpdateProject(ctx context.Context, name, description string) error {
	in := map[string]string{"description": description}
	return c.sendJSON(ctx, http.MethodPut, name, "/", nil, in, nil)
}

// DeleteProject deletes a project with all its logstores and their logs.
func (c *Client) DeleteProject(ctx context.Context, name string) error {
	return c.send(ctx, call{method: http.MethodDelete, project: name, path: "/"}, nil)
}
