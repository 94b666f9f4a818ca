package site

import (
	"context"
	"encoding/json"
	"regexp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// CustomLog names the headers and cookies that access logs of a site carry in CustomFields (reference delivery b.7).
type CustomLog struct {
	RequestHeaders  []string `json:"RequestHeaders"`
	ResponseHeaders []string `json:"ResponseHeaders"`
	Cookies         []string `json:"Cookies"`
}

const (
	customLog       = "esa-custom-log"
	maxCustomFields = 200 // of each list
)

var customName = regexp.MustCompile(`^[A-Za-z0-9_\- ]{1,128}$`)

func (c *CustomLog) check() error {
	for _, list := range []*[]string{&c.RequestHeaders, &c.ResponseHeaders, &c.Cookies} {
		if *list == nil {
			*list = []string{}
		}
		if len(*list) > maxCustomFields {
			return sluice.Errorf(sluice.Invalid, "customfield", "%d names in one list, %d is the limit", len(*list), maxCustomFields)
		}
		for _, name := range *list {
			if !customName.MatchString(name) {
				return sluice.Errorf(sluice.Invalid, "customfield", "custom field %.200q: a name has 1 to 128 letters, digits, '_', '-' and spaces", name)
			}
		}
	}
	return nil
}

// SetCustomLog sets what a site's access logs carry. Errors: Invalid "customfield"; NotFound "site".
func (s *Sites) SetCustomLog(ctx context.Context, id int64, c CustomLog) error {
	if err := c.check(); err != nil {
		return err
	}
	if _, err := s.Get(ctx, id); err != nil {
		return err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	now := s.o.Now()
	doc := meta.Document{Project: Project(id), Kind: customLog, Name: customLog, Body: body, Created: now, Modified: now}
	return s.store.Update(ctx, func(tx meta.Tx) error {
		old, err := tx.Document(doc.Project, customLog, customLog)
		if sluice.KindOf(err) == sluice.NotFound {
			return tx.CreateDocument(doc)
		}
		if err != nil {
			return err
		}
		doc.Created = old.Created
		return tx.UpdateDocument(doc)
	})
}

// CustomLog returns what a site's access logs carry; set says whether anybody ever said. Errors: NotFound "site".
func (s *Sites) CustomLog(ctx context.Context, id int64) (c CustomLog, set bool, err error) {
	if _, err := s.Get(ctx, id); err != nil {
		return c, false, err
	}
	var doc meta.Document
	err = s.store.View(ctx, func(tx meta.Tx) (err error) {
		doc, err = tx.Document(Project(id), customLog, customLog)
		return err
	})
	if sluice.KindOf(err) == sluice.NotFound {
		return c, false, c.check()
	}
	if err != nil {
		return c, false, err
	}
	if err := json.Unmarshal(doc.Body, &c); err != nil {
		return c, false, err
	}
	return c, true, c.check()
}
