package iam

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/iam/policy"
	"github.com/sluicelog/sluice/internal/meta"
)

// Types of policies.
const (
	System = "System" // of the server, in every account
	Custom = "Custom" // of an account
)

// Policy is a named policy with its versions, of which the default one counts.
type Policy struct {
	Entry
	Type        string `json:"-"`
	Description string
	Default     string // id of a version
	Next        int    // number of the next version
	Versions    []Version
}

// Version is one document of a policy. It does not change.
type Version struct {
	ID       string // "v1"
	Document string // as it was sent
	Created  time.Time
}

// maxVersions is how many versions a policy may have.
const maxVersions = 5

// Document is the document that counts.
func (p *Policy) Document() string {
	v, _ := p.Version(p.Default)
	return v.Document
}

// Version finds a version.
func (p *Policy) Version(id string) (Version, bool) {
	i := slices.IndexFunc(p.Versions, func(v Version) bool { return v.ID == id })
	if i < 0 {
		return Version{}, false
	}
	return p.Versions[i], true
}

// CheckDocument says what is wrong with a document, and where. Errors: Invalid "document".
func CheckDocument(document string, k policy.Kind) error {
	_, err := parse(document, k)
	return err
}

func parse(document string, k policy.Kind) (*policy.Policy, error) {
	p, err := policy.Parse([]byte(document), k)
	var fault *policy.Error
	if errors.As(err, &fault) {
		return nil, sluice.Errorf(sluice.Invalid, "document", "the policy document is malformed at %v", fault)
	}
	return p, err
}

// CreatePolicy makes a custom policy of one version. Errors: Invalid "policyname", "document"; AlreadyExists "policy".
func (d *Directory) CreatePolicy(ctx context.Context, account, name, description, document string) (p Policy, err error) {
	if err := checkName(kindPolicy, name); err != nil {
		return p, err
	}
	if err := checkTexts(description); err != nil {
		return p, err
	}
	if err := CheckDocument(document, policy.Identity); err != nil {
		return p, err
	}
	p = Policy{
		Entry: Entry{Account: account, Name: name, ID: newID(18)}, Type: Custom, Description: description, Default: "v1", Next: 2,
		Versions: []Version{{"v1", document, d.now()}},
	}
	return p, d.store.Update(ctx, func(tx meta.Tx) error { return insert(d, tx, kindPolicy, &p) })
}

// Policy returns a policy of a type. Errors: NotFound "policy"; Invalid "policytype".
func (d *Directory) Policy(ctx context.Context, account string, a Attached) (p Policy, err error) {
	err = d.store.View(ctx, func(tx meta.Tx) (err error) {
		p, err = findPolicy(tx, account, a)
		return err
	})
	return p, err
}

func findPolicy(tx meta.Tx, account string, a Attached) (p Policy, err error) {
	switch a.Type {
	case Custom:
		p, err = get[Policy](tx, kindPolicy, account, a.Name)
		p.Type = Custom
		return p, err
	case System:
		for _, s := range systemPolicies {
			if s.Name == a.Name {
				return s, nil
			}
		}
		return p, sluice.Errorf(sluice.NotFound, string(kindPolicy), "the policy %.80s does not exist", a.Name)
	}
	return p, sluice.Errorf(sluice.Invalid, "policytype", "the type of a policy is System or Custom, not %.40q", a.Type)
}

// Policies returns the policies of a type, of both for "", by name, each with how often it is attached.
func (d *Directory) Policies(ctx context.Context, account, typ string) (all []Policy, attached []int, err error) {
	err = d.store.View(ctx, func(tx meta.Tx) error {
		if typ != System {
			if all, err = list[Policy](tx, kindPolicy, account); err != nil {
				return err
			}
			for i := range all {
				all[i].Type = Custom
			}
		}
		if typ != Custom {
			all = append(all, systemPolicies...)
		}
		uses, err := attachments(tx, account)
		for _, p := range all {
			attached = append(attached, len(uses[Attached{p.Type, p.Name}]))
		}
		return err
	})
	return all, attached, err
}

// AddVersion gives a custom policy another version. Errors: NotFound "policy"; Invalid "document"; Throttled "policyversion".
func (d *Directory) AddVersion(ctx context.Context, account, name, document string, makeDefault bool) (v Version, err error) {
	if err := CheckDocument(document, policy.Identity); err != nil {
		return v, err
	}
	_, err = modify(ctx, d, kindPolicy, account, name, func(_ meta.Tx, p *Policy) error {
		if len(p.Versions) >= maxVersions {
			return sluice.Errorf(sluice.Throttled, "policyversion", "a policy has at most %d versions: delete one first", maxVersions)
		}
		v = Version{"v" + strconv.Itoa(p.Next), document, d.now()}
		p.Versions, p.Next = append(p.Versions, v), p.Next+1
		if makeDefault {
			p.Default = v.ID
		}
		return nil
	})
	return v, err
}

// SetDefaultVersion chooses the version that counts. Errors: NotFound "policy", "policyversion".
func (d *Directory) SetDefaultVersion(ctx context.Context, account, name, version string) error {
	_, err := modify(ctx, d, kindPolicy, account, name, func(_ meta.Tx, p *Policy) error {
		if _, ok := p.Version(version); !ok {
			return noVersion(name, version)
		}
		p.Default = version
		return nil
	})
	return err
}

// DeleteVersion removes a version that does not count. Errors: NotFound "policy", "policyversion"; Conflict "policyversion".
func (d *Directory) DeleteVersion(ctx context.Context, account, name, version string) error {
	_, err := modify(ctx, d, kindPolicy, account, name, func(_ meta.Tx, p *Policy) error {
		v, ok := p.Version(version)
		switch {
		case !ok:
			return noVersion(name, version)
		case version == p.Default:
			return conflict("policyversion", "%s is the default version of policy %s", version, name)
		}
		p.Versions = without(p.Versions, v)
		return nil
	})
	return err
}

func noVersion(name, version string) error {
	return sluice.Errorf(sluice.NotFound, "policyversion", "policy %s has no version %.40q", name, version)
}

// DeletePolicy removes a custom policy that is attached to nobody and has one version. Errors: NotFound; Conflict "policy-attached",
// "policy-version".
func (d *Directory) DeletePolicy(ctx context.Context, account, name string) error {
	return d.store.Update(ctx, func(tx meta.Tx) error {
		p, err := get[Policy](tx, kindPolicy, account, name)
		if err != nil {
			return err
		}
		uses, err := attachments(tx, account)
		if err != nil {
			return err
		}
		if at := uses[Attached{Custom, name}]; len(at) > 0 {
			return conflict("policy-attached", "policy %s is attached to %s: detach it first", name, at[0])
		}
		if len(p.Versions) > 1 {
			return conflict("policy-version", "policy %s has other versions than its default: delete them first", name)
		}
		return remove(tx, kindPolicy, account, name)
	})
}

// compiled keeps documents that were compiled, by their text: policies change less often than anything that makes caches stale.
type compiled struct {
	mu  sync.Mutex // guards all
	all map[string]*policy.Policy
}

// maxCompiled documents are kept; then all are forgotten. Those in use are soon back.
const maxCompiled = 4096

// Compile returns the compiled document, which was compiled before or is now. Errors: as of CheckDocument.
func (d *Directory) Compile(document string, k policy.Kind) (*policy.Policy, error) {
	key := strings.Join([]string{strconv.Itoa(int(k)), document}, "")
	d.compiled.mu.Lock()
	p := d.compiled.all[key]
	d.compiled.mu.Unlock()
	if p != nil {
		return p, nil
	}
	p, err := parse(document, k)
	if err != nil {
		return nil, err
	}
	d.compiled.mu.Lock()
	defer d.compiled.mu.Unlock()
	if d.compiled.all == nil || len(d.compiled.all) >= maxCompiled {
		d.compiled.all = map[string]*policy.Policy{}
	}
	d.compiled.all[key] = p
	return p, nil
}
