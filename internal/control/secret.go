package control

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Mask is what a secret is shown as. A document that comes back with it keeps the secret it had.
const Mask = "********"

const (
	sealPurpose = "control"
	sealPrefix  = "sealed:" // of a secret at rest, before its base64
)

func nounOf(err error) string {
	var e *sluice.Error
	if errors.As(err, &e) {
		return e.Noun
	}
	return ""
}

// owner is whom secrets of a document are sealed for.
func (at Place) owner(k *Kind, name string) string { return at.Scope + "/" + at.kind(k) + "/" + name }

// read is a stored document as its client sent it, save for its secrets.
func (c *Control) read(at Place, k *Kind, stored meta.Document) (Document, error) {
	body := []byte(stored.Body)
	if k.sealed && !bytes.HasPrefix(body, []byte("{")) { // else it is from before they were sealed
		var err error
		if body, err = c.sealer.Open(body, sealPurpose, at.owner(k, stored.Name)); err != nil {
			return nil, err
		}
	}
	d, err := parseStored(body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", k.Title, stored.Name, err)
	}
	return d, nil
}

// seal writes a document for storing. Its secrets are sealed; where one is masked, or sealed already because the document was stored
// before, it is what the stored document has in that place. A kind in which anything may be secret is sealed whole.
func (c *Control) seal(at Place, k *Kind, name string, d Document, stored *meta.Document) (json.RawMessage, error) {
	if k.sealed {
		return c.sealer.Seal(encode(d), sealPurpose, at.owner(k, name)), nil
	}
	if len(k.secrets) == 0 {
		return encode(d), nil
	}
	kept := map[string]string{}
	if stored != nil {
		old, err := c.read(at, k, *stored)
		if err != nil {
			return nil, err
		}
		if _, err := k.eachSecret(old, func(path, text string) (string, error) { kept[path] = text; return text, nil }); err != nil {
			return nil, err
		}
	}
	sealed, err := k.eachSecret(d, func(path, text string) (string, error) {
		switch {
		case text == "":
			return "", nil
		case text == kept[path]: // of a change to what is stored
			return text, nil
		case text != Mask:
			return sealPrefix + base64.StdEncoding.EncodeToString(c.sealer.Seal([]byte(text), sealPurpose, at.owner(k, name))), nil
		case kept[path] != "":
			return kept[path], nil
		}
		return "", k.invalid("%s is masked, and no secret is kept for it: give the secret itself", path)
	})
	if err != nil {
		return nil, err
	}
	return encode(sealed), nil
}

// mask hides the secrets of a stored document.
func (k *Kind) mask(d Document) {
	if len(k.secrets) == 0 {
		return
	}
	masked, err := k.eachSecret(d, func(_, text string) (string, error) {
		if text == "" {
			return "", nil
		}
		return Mask, nil
	})
	if err != nil {
		panic(err) // the function has none
	}
	for name, value := range masked {
		d[name] = value
	}
}

// Reveal returns a document as it was stored, with its secrets in clear, for the part of the server that acts on it.
func (c *Control) Reveal(ctx context.Context, at Place, k *Kind, name string) (d Document, err error) {
	err = c.store.View(ctx, func(tx meta.Tx) error {
		stored, err := c.get(tx, at, k, name)
		if err != nil {
			return err
		}
		d, err = c.read(at, k, stored)
		return err
	})
	if err != nil {
		return nil, err
	}
	return k.eachSecret(d, func(_, text string) (string, error) {
		coded, ok := strings.CutPrefix(text, sealPrefix)
		if !ok {
			return text, nil
		}
		sealed, err := base64.StdEncoding.DecodeString(coded)
		if err != nil {
			return "", err
		}
		secret, err := c.sealer.Open(sealed, sealPurpose, at.owner(k, name))
		return string(secret), err
	})
}

// eachSecret gives each text of a secret member to fn, by the path of its member, and returns the document with what fn returned.
func (k *Kind) eachSecret(d Document, fn func(path, text string) (string, error)) (Document, error) {
	out := make(Document, len(d))
	for name, value := range d {
		changed, err := k.secretsIn(name, name, value, fn)
		if err != nil {
			return nil, err
		}
		out[name] = changed
	}
	return out, nil
}

// secretsIn is eachSecret for one value, of the member of this name.
func (k *Kind) secretsIn(path, name string, value json.RawMessage, fn func(path, text string) (string, error)) (json.RawMessage, error) {
	switch typeOf(value) {
	case anObject:
		var d Document
		if err := json.Unmarshal(value, &d); err != nil {
			return nil, err
		}
		changed := make(Document, len(d))
		for member, v := range d {
			c, err := k.secretsIn(path+"."+member, member, v, fn)
			if err != nil {
				return nil, err
			}
			changed[member] = c
		}
		return encode(changed), nil
	case anArray:
		var all []json.RawMessage
		if err := json.Unmarshal(value, &all); err != nil {
			return nil, err
		}
		for i, v := range all {
			c, err := k.secretsIn(path+"."+strconv.Itoa(i), name, v, fn)
			if err != nil {
				return nil, err
			}
			all[i] = c
		}
		return encode(all), nil
	case aText:
		if !slices.Contains(k.secrets, name) {
			return value, nil
		}
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return nil, err
		}
		text, err := fn(path, text)
		return encode(text), err
	}
	return value, nil
}
