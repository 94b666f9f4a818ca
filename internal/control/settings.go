package control

import (
	"context"
	"encoding/json"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Setting is a document of which a project or a logstore has one or none.
type Setting struct {
	Name  string // of the document
	Noun  string // of errors
	Title string // in messages

	validate func(Document) error
	missing  string // what there is while there is none; "" makes that an error
}

// The settings.
var (
	Logging = &Setting{
		Name: "logging", Noun: "logging", Title: "logging",
		validate: members{{"loggingProject", aText, true}, {"loggingDetails", anArray, true}}.check,
	}
	MeteringMode = &Setting{
		Name: "meteringmode", Noun: "meteringmode", Title: "metering mode",
		validate: oneOf("meteringMode", "ChargeByFunction", "ChargeByDataIngest"), missing: `{"meteringMode":"ChargeByFunction"}`,
	}
	SQLInstance = &Setting{
		Name: "sqlinstance", Noun: "sqlinstance", Title: "SQL instance", validate: checkSQLInstance,
	}
	Multimodal = &Setting{
		Name: "multimodal", Noun: "multimodal", Title: "multimodal configuration",
		validate: oneOf("status", "Enabled", "Disabled"), missing: `{"status":"Disabled","anonymousWrite":"Disabled"}`,
	}
)

// maxCU is the most compute units that the service lets a project have.
const maxCU = 1000

func checkSQLInstance(d Document) error {
	if err := (members{{"cu", aNumber, true}, {"useAsDefault", aBoolean, false}}).check(d); err != nil {
		return err
	}
	var cu int
	if err := json.Unmarshal(d["cu"], &cu); err != nil || cu < 1 || cu > maxCU {
		return sluice.Errorf(sluice.Invalid, "", "cu %.20s is not a whole number from 1 to %d", d["cu"], maxCU)
	}
	return nil
}

func oneOf(name string, values ...string) func(Document) error {
	return func(d Document) error {
		if err := want(d, name, aText, true); err != nil {
			return err
		}
		for _, v := range values {
			if d.Text(name) == v {
				return nil
			}
		}
		return sluice.Errorf(sluice.Invalid, "", "%s %.40q is none of %q", name, d.Text(name), values)
	}
}

// settingKind is what settings are stored under.
const settingKind = "setting"

// kind is the kind whose only document the setting is.
func (s *Setting) kind() *Kind {
	return &Kind{Name: settingKind, Noun: s.Noun, Title: s.Title, Limit: manyDocuments, validate: s.validate}
}

// Setting returns a setting. Errors: NotFound of its noun, where it has no default.
func (c *Control) Setting(ctx context.Context, at Place, s *Setting) (d Document, err error) {
	k := s.kind()
	err = c.store.View(ctx, func(tx meta.Tx) error {
		stored, err := c.get(tx, at, k, s.Name)
		switch {
		case err == nil:
			d, err = parseStored(stored.Body)
		case s.missing != "" && nounOf(err) == s.Noun:
			d, err = parseStored([]byte(s.missing))
		case nounOf(err) == s.Noun:
			err = sluice.Errorf(sluice.NotFound, s.Noun, "%s of %s does not exist", s.Title, at.Scope)
		}
		return err
	})
	return d, err
}

// Set stores a setting. create and update say whether it may be new, and whether it may be there.
func (c *Control) Set(ctx context.Context, at Place, s *Setting, raw []byte, create, update bool) error {
	k := s.kind()
	d, err := Parse(k, raw)
	if err != nil {
		return err
	}
	if err := k.check(d); err != nil {
		return err
	}
	return c.store.Update(ctx, func(tx meta.Tx) error {
		old, err := c.get(tx, at, k, s.Name)
		now := c.o.Now()
		switch {
		case err == nil && update:
			old.Body, old.Modified = encode(d), now
			return tx.UpdateDocument(old)
		case err == nil:
			return sluice.Errorf(sluice.AlreadyExists, s.Noun, "%s of %s already exists", s.Title, at.Scope)
		case create && nounOf(err) == s.Noun:
			return tx.CreateDocument(meta.Document{Project: at.Scope, Kind: at.kind(k), Name: s.Name, Body: encode(d), Created: now, Modified: now})
		}
		return err
	})
}

// Unset removes a setting. Errors: NotFound of its noun.
func (c *Control) Unset(ctx context.Context, at Place, s *Setting) error {
	return c.Delete(ctx, at, s.kind(), s.Name)
}
