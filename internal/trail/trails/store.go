package trails

import (
	"encoding/json"
	"fmt"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Trails are documents of their account, so they go with it: of one kind for each API, and of another when they are deleted and not yet out.
const (
	kindPrefix = "trail/"
	kindEnding = kindPrefix + "ending" // by ID
)

func kindOf(f Flavor) string { return kindPrefix + string(f) }

func (k Key) kind() string  { return kindOf(k.Flavor) }
func (k Key) scope() string { return meta.AccountScope(k.Account) }

func read(tx meta.Tx, k Key) (t Trail, err error) {
	d, err := tx.Document(k.scope(), k.kind(), k.Name)
	if sluice.KindOf(err) == sluice.NotFound {
		return t, missing(k.Name)
	}
	if err != nil {
		return t, err
	}
	return decode(d)
}

func missing(name string) error {
	return sluice.Errorf(sluice.NotFound, "trail", "there is no trail %.140q", name)
}

func list(tx meta.Tx, account, kind string) (all []Trail, err error) {
	documents, err := tx.Documents(meta.AccountScope(account), kind)
	if err != nil {
		return nil, err
	}
	for _, d := range documents {
		t, err := decode(d)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

func decode(d meta.Document) (t Trail, err error) {
	if err := json.Unmarshal(d.Body, &t); err != nil {
		return t, fmt.Errorf("trail %s of %s: %w", d.Name, d.Project, err)
	}
	return t, nil
}

func document(t *Trail, kind, name string) (meta.Document, error) {
	body, err := json.Marshal(t)
	return meta.Document{Project: t.scope(), Kind: kind, Name: name, Body: body, Created: t.Created, Modified: t.Modified}, err
}

func create(tx meta.Tx, t *Trail) error {
	d, err := document(t, t.kind(), t.Name)
	if err != nil {
		return err
	}
	return tx.CreateDocument(d)
}

func createEnding(tx meta.Tx, t *Trail) error {
	d, err := document(t, kindEnding, t.ID)
	if err != nil {
		return err
	}
	return tx.CreateDocument(d)
}

func update(tx meta.Tx, t *Trail) error {
	d, err := document(t, t.kind(), t.Name)
	if err != nil {
		return err
	}
	return tx.UpdateDocument(d)
}
