package sls

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/meta"
)

// What the actions on documents have in common: an action is one of these functions for a kind, and its file says what it promises.

// handler serves a route.
type handler = func(*API, *request) error

// place is where documents of a kind lie that a request is about.
func (q *request) place(k *control.Kind) (control.Place, error) {
	at := control.Place{Scope: q.project, Logstore: q.vars.get("logstore")}
	if k.Account {
		at = control.Place{Scope: q.accountScope()}
	}
	if k.Parent != nil {
		at.Parent = q.vars.get("name")
	}
	return at, nil
}

// accountScope is where the documents of the signer's account lie.
func (q *request) accountScope() string { return meta.AccountScope(q.principal.Tenant()) }

// documentName is the name of the document that the path names.
func (q *request) documentName(k *control.Kind) string {
	if k.Parent != nil {
		return q.vars.get("id")
	}
	return q.vars.get("name")
}

func createDocument(k *control.Kind) handler {
	return func(a *API, q *request) error {
		at, err := q.place(k)
		if err != nil {
			return err
		}
		raw, err := q.document()
		if err != nil {
			return err
		}
		if err := a.Control.Create(q.ctx(), at, k, raw); err != nil {
			return err
		}
		return q.ok()
	}
}

func updateDocument(k *control.Kind) handler {
	return func(a *API, q *request) error {
		at, err := q.place(k)
		if err != nil {
			return err
		}
		raw, err := q.document()
		if err != nil {
			return err
		}
		if err := a.Control.Update(q.ctx(), at, k, q.documentName(k), raw); err != nil {
			return err
		}
		return q.ok()
	}
}

func getDocument(k *control.Kind) handler {
	return func(a *API, q *request) error {
		at, err := q.place(k)
		if err != nil {
			return err
		}
		d, err := a.Control.Get(q.ctx(), at, k, q.documentName(k))
		if err != nil {
			return err
		}
		return q.json(d)
	}
}

func deleteDocument(k *control.Kind) handler {
	return func(a *API, q *request) error {
		at, err := q.place(k)
		if err != nil {
			return err
		}
		if err := a.Control.Delete(q.ctx(), at, k, q.documentName(k)); err != nil {
			return err
		}
		return q.ok()
	}
}

// listing is how the documents of a kind are listed.
type listing struct {
	kind   *control.Kind
	key    string                                                           // of the array: of names, or of documents
	part   string                                                           // the parameter with a part of names
	names  string                                                           // the parameter with names, commas between them
	values map[string]func(control.Document) []string                       // parameters, and the values of which theirs has to be one
	parts  string                                                           // a parameter with a part of the member of its name
	items  string                                                           // a second array, of names with displayName
	others func(*request) ([]control.Document, error)                       // documents that are kept elsewhere; nil for none
	only   func(control.Document) bool                                      // what is listed at all; nil for all
	bodies bool                                                             // key is an array of documents
	shown  func(*API, *request, control.Document) (control.Document, error) // what is shown of a document; nil for all of it
}

// list serves the list of a kind.
func list(l listing) handler {
	return func(a *API, q *request) error {
		at, err := q.place(l.kind)
		if err != nil {
			return err
		}
		query := control.Query{Name: q.query.Get(l.part), Bodies: l.bodies || l.items != "", Match: l.match(q)}
		if text := q.query.Get(l.names); text != "" {
			query.Names = strings.Split(text, ",")
		}
		if query.Offset, query.Size, err = q.page(); err != nil {
			return err
		}
		if l.others != nil {
			if query.Others, err = l.others(q); err != nil {
				return err
			}
		}
		found, err := a.Control.List(q.ctx(), at, l.kind, query)
		if err != nil {
			return err
		}
		for i, d := range found.Documents {
			if l.shown == nil {
				break
			}
			if found.Documents[i], err = l.shown(a, q, d); err != nil {
				return err
			}
		}
		return q.json(l.answer(found))
	}
}

// match is the condition of the parameters that a request has; nil if it has none.
func (l listing) match(q *request) func(control.Document) bool {
	given := map[string]string{}
	for name := range l.values {
		if text := q.query.Get(name); text != "" {
			given[name] = text
		}
	}
	part := q.query.Get(l.parts)
	if len(given) == 0 && part == "" {
		return l.only
	}
	return func(d control.Document) bool {
		if l.only != nil && !l.only(d) {
			return false
		}
		if part != "" && !strings.Contains(d.Text(l.parts), part) {
			return false
		}
		for name, text := range given {
			if !oneOf(text, l.values[name](d)) {
				return false
			}
		}
		return true
	}
}

// oneOf reports whether one of values is text, or, where it has commas, one of its parts.
func oneOf(text string, values []string) bool {
	for part := range strings.SplitSeq(text, ",") {
		for _, v := range values {
			if v == part {
				return true
			}
		}
	}
	return false
}

// text is the value of a member.
func text(name string) func(control.Document) []string {
	return func(d control.Document) []string { return []string{d.Text(name)} }
}

// answer is what a list says. Its members are in this order: a client takes the first whose name ends in s for the names.
func (l listing) answer(found control.List) ordered {
	var entries any = array(found.Names)
	if l.bodies {
		entries = array(found.Documents)
	}
	answer := ordered{{"count", len(found.Names)}, {"total", found.Total}, {l.key, entries}}
	if l.items != "" {
		items := make([]map[string]string, len(found.Documents))
		for i, d := range found.Documents {
			items[i] = map[string]string{l.kind.NameKey: d.Text(l.kind.NameKey), "displayName": d.Text("displayName")}
		}
		answer = append(answer, member{l.items, items})
	}
	return answer
}

// ordered is a JSON object whose members come in this order.
type ordered []member

type member struct {
	name  string
	value any
}

// MarshalJSON implements [json.Marshaler].
func (o ordered) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			out = append(out, ',')
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		out = strconv.AppendQuote(out, m.name) // names of ours, which need no escapes
		out = append(append(out, ':'), value...)
	}
	return append(out, '}'), nil
}
