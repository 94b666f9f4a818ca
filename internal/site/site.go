// Package site keeps edge sites: what a content delivery network writes logs about (reference delivery sections a and b).
//
//	site 123456  =  project esa-123456  ──  logstores access · waf · ipa · dns     (categories of a site)
//	account      =  project esa-account ──  logstores er · ec                      (categories of the account)
//
// A site is a project like any other and a category a logstore with a ready index, so edge software writes to them with any SLS client,
// and all that works on logstores works on them. What a site has beside its project, a document keeps.
package site

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/delivery/category"
	"github.com/sluicelog/sluice/internal/meta"
)

// Prefix begins the names of the projects of sites; what follows is the site's number.
const Prefix = "esa-"

// Account is the project of the root account's categories that belong to no site.
const Account = Prefix + "account"

// AccountProject is the project of an account's categories that belong to no site; "" is the root account.
func AccountProject(account string) string {
	if account == "" {
		return Account
	}
	return Account + "-" + account
}

// Project is the project of a site.
func Project(id int64) string { return Prefix + strconv.FormatInt(id, 10) }

// Site is one site.
type Site struct {
	ID      int64     `json:"-"`
	Account string    `json:"-"`    // whose it is, as meta.Project has it
	Name    string    `json:"name"` // a domain name
	Created time.Time `json:"-"`
	// What clients say at creation and get back; nothing here acts on it.
	AccessType string `json:"accessType,omitempty"`
	Coverage   string `json:"coverage,omitempty"`
	InstanceID string `json:"instanceId,omitempty"`
}

// document is the kind and the name of the document in which a site's project keeps it.
const document = "esa-site"

// Options of the sites. The zero value of a field means the default in brackets.
type Options struct {
	TTLDays int              // [30] of the logstores
	Shards  int              // [2] of the logstores
	Now     func() time.Time // [time.Now]
}

// Sites are the sites of a server. It is safe for concurrent use.
type Sites struct {
	cat   *catalog.Catalog
	store meta.Store
	o     Options
}

// New returns the sites in a catalog and its metadata.
func New(cat *catalog.Catalog, store meta.Store, o Options) *Sites {
	if o.TTLDays == 0 {
		o.TTLDays = 30
	}
	if o.Shards == 0 {
		o.Shards = 2
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Sites{cat, store, o}
}

// maxName is the longest domain name.
const maxName = 253

// Create makes a site with its project and logstores, under a number of its own if s.ID is 0. Errors: Invalid "sitename"; AlreadyExists
// "site".
func (s *Sites) Create(ctx context.Context, site Site) (Site, error) {
	name := strings.ToLower(strings.TrimSuffix(site.Name, "."))
	if name == "" || len(name) > maxName || strings.ContainsAny(name, " /:@\\\"'<>\t\r\n") {
		return Site{}, sluice.Errorf(sluice.Invalid, "sitename", "site name %.260q is not a domain name", site.Name)
	}
	site.Name = name
	if err := s.store.View(ctx, func(tx meta.Tx) error { return free(tx, site) }); err != nil {
		return Site{}, err
	}
	if site.ID == 0 {
		site.ID = 1e14 + rand.Int64N(9e14) // 15 digits: a float keeps them, as JSON in some clients is read
	}
	site.Created = s.o.Now()
	p := meta.Project{Name: Project(site.ID), Account: site.Account, Description: "edge site " + name}
	return site, s.makeProject(ctx, p, category.Site, &site)
}

// free returns AlreadyExists "site" if the account has a site of the name, or anybody one of the number.
func free(tx meta.Tx, site Site) error {
	all, err := sitesIn(tx)
	for _, other := range all {
		if other.ID == site.ID || other.Name == site.Name && other.Account == site.Account {
			return sluice.Errorf(sluice.AlreadyExists, "site", "site %s (%d) already exists", other.Name, other.ID)
		}
	}
	return err
}

// makeProject makes what is missing of a project with the logstores of a scope; site, if not nil, is kept in it last, so that a site that is
// there is whole. If somebody else made a site of the name meanwhile, the project goes again.
func (s *Sites) makeProject(ctx context.Context, p meta.Project, scope category.Scope, site *Site) (err error) {
	project := p.Name
	err = s.cat.CreateProject(ctx, p)
	if err != nil && sluice.KindOf(err) != sluice.AlreadyExists {
		return err
	}
	if ours := err == nil; ours && site != nil {
		defer func() {
			if sluice.KindOf(err) == sluice.AlreadyExists {
				err = errors.Join(err, s.cat.DeleteProject(context.WithoutCancel(ctx), project))
			}
		}()
	}
	if there, err := s.cat.Project(ctx, project); err != nil || there.Account != p.Account {
		return cmp.Or(err, error(sluice.Errorf(sluice.AlreadyExists, "site", "project %s is somebody else's", project)))
	}
	for _, c := range category.All() {
		if c.Scope != scope {
			continue
		}
		if err := s.makeLogstore(ctx, project, c); err != nil {
			return fmt.Errorf("make logstore %s: %w", c.Logstore, err)
		}
	}
	if site == nil {
		return nil
	}
	body, err := json.Marshal(site)
	if err != nil {
		return err
	}
	return s.store.Update(ctx, func(tx meta.Tx) error {
		if err := free(tx, *site); err != nil {
			return err
		}
		return tx.CreateDocument(meta.Document{
			Project: project, Kind: document, Name: document, Body: body, Created: site.Created, Modified: site.Created,
		})
	})
}

func (s *Sites) makeLogstore(ctx context.Context, project string, c category.Category) error {
	l := meta.Logstore{Project: project, Name: c.Logstore, TTLDays: s.o.TTLDays, AutoSplit: true, MaxSplitShard: 64}
	if err := s.cat.CreateLogstore(ctx, l, s.o.Shards); err != nil && sluice.KindOf(err) != sluice.AlreadyExists {
		return err
	}
	err := s.cat.CreateIndex(ctx, l.Ref(), indexOf(c))
	if sluice.KindOf(err) == sluice.AlreadyExists {
		return nil
	}
	return err
}

// Ensure makes an account's project with its logstores, if it is not there yet. account is as meta.Project has it, project is AccountProject's.
// Errors: AlreadyExists "site" if the project is another account's.
func (s *Sites) Ensure(ctx context.Context, account, project string) error {
	p := meta.Project{Name: project, Account: account, Description: "edge functions and containers of the account"}
	return s.makeProject(ctx, p, category.Account, nil)
}

// Get returns a site. Errors: NotFound "site".
func (s *Sites) Get(ctx context.Context, id int64) (Site, error) {
	var doc meta.Document
	var p meta.Project
	err := s.store.View(ctx, func(tx meta.Tx) (err error) {
		if p, err = tx.Project(Project(id)); err == nil {
			doc, err = tx.Document(Project(id), document, document)
		}
		return err
	})
	if sluice.KindOf(err) == sluice.NotFound {
		return Site{}, sluice.Errorf(sluice.NotFound, "site", "site %d does not exist", id)
	}
	if err != nil {
		return Site{}, err
	}
	return siteOf(id, p.Account, doc)
}

func siteOf(id int64, account string, doc meta.Document) (Site, error) {
	site := Site{ID: id, Account: account, Created: doc.Created}
	if err := json.Unmarshal(doc.Body, &site); err != nil {
		return Site{}, fmt.Errorf("site %d: %w", id, err)
	}
	return site, nil
}

// List returns all sites in the order of their numbers as text.
func (s *Sites) List(ctx context.Context) (all []Site, err error) {
	err = s.store.View(ctx, func(tx meta.Tx) error {
		all, err = sitesIn(tx)
		return err
	})
	return all, err
}

func sitesIn(tx meta.Tx) ([]Site, error) {
	projects, err := tx.Projects()
	if err != nil {
		return nil, err
	}
	var all []Site
	for _, p := range projects {
		id, err := strconv.ParseInt(strings.TrimPrefix(p.Name, Prefix), 10, 64)
		if err != nil || Project(id) != p.Name {
			continue
		}
		doc, err := tx.Document(p.Name, document, document)
		if sluice.KindOf(err) == sluice.NotFound {
			continue // a project of that name which is no site, or not yet
		}
		if err != nil {
			return nil, err
		}
		site, err := siteOf(id, p.Account, doc)
		if err != nil {
			return nil, err
		}
		all = append(all, site)
	}
	return all, nil
}

// Delete removes a site with its project, its logs and its delivery tasks.
func (s *Sites) Delete(ctx context.Context, id int64) error {
	if _, err := s.Get(ctx, id); err != nil {
		return err
	}
	return s.cat.DeleteProject(ctx, Project(id))
}

// Ref is the logstore of a category of a site; id does not matter for categories of the root account. Errors: Invalid "category".
func Ref(id int64, business string) (sluice.LogstoreRef, category.Category, error) {
	c, ok := category.Find(business)
	if !ok {
		return sluice.LogstoreRef{}, c, sluice.Errorf(sluice.Invalid, "category", "there is no category of logs %.64q", business)
	}
	if c.Scope == category.Account {
		return sluice.LogstoreRef{Project: Account, Logstore: c.Logstore}, c, nil
	}
	return sluice.LogstoreRef{Project: Project(id), Logstore: c.Logstore}, c, nil
}
