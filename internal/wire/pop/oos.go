package pop

import (
	"github.com/sluicelog/sluice/internal/assistant"
)

// The actions of OOS's parameter store, version 2019-06-01, as far as commands need it: values for {{oos:name}} and {{oos-secret:name}}.

const oosVersion = "2019-06-01"

// oos makes a row of the table of OOS's actions.
func oos(name string, mutating bool, handle func(*API, *request) (any, error)) action {
	return action{version: oosVersion, name: name, permission: "oos:" + name, mutating: mutating, handle: func(a *API, q *request) (any, error) {
		if err := q.permit(""); err != nil {
			return nil, err
		}
		return handle(a, q)
	}}
}

// CreateSecretParameter, UpdateSecretParameter: the value is sealed, and no action tells it.

// CreateParameter: makes or replaces; there are no versions.

var oosParameters = []action{
	oos("CreateSecretParameter", true, setParameter(true)),
	oos("UpdateSecretParameter", true, setParameter(true)),
	oos("DeleteSecretParameter", true, deleteParameter(true)),
	oos("ListSecretParameters", false, listParameters(true)),
	oos("CreateParameter", true, setParameter(false)),
	oos("UpdateParameter", true, setParameter(false)),
	oos("DeleteParameter", true, deleteParameter(false)),
	oos("ListParameters", false, listParameters(false)),
}

type oosParameter struct {
	Name, Type string
	Value      string `json:",omitempty"`
}

func oosModel(p *assistant.Parameter) oosParameter {
	if p.Secret {
		return oosParameter{Name: p.Name, Type: "Secret"}
	}
	return oosParameter{p.Name, "String", p.Value}
}

func setParameter(secret bool) func(*API, *request) (any, error) {
	return func(a *API, q *request) (any, error) {
		name, err := q.text("Name")
		if err != nil {
			return nil, err
		}
		value, err := q.text("Value")
		if err != nil {
			return nil, err
		}
		if err := a.fleet(q).SetParameter(q.r.Context(), name, value, secret); err != nil {
			return nil, err
		}
		return struct{ Parameter oosParameter }{oosModel(&assistant.Parameter{Name: name, Secret: secret, Value: value})}, nil
	}
}

func deleteParameter(secret bool) func(*API, *request) (any, error) {
	return func(a *API, q *request) (any, error) {
		name, err := q.text("Name")
		if err != nil {
			return nil, err
		}
		return done(a.fleet(q).DeleteParameter(q.r.Context(), name, secret))
	}
}

func listParameters(secret bool) func(*API, *request) (any, error) {
	return func(a *API, q *request) (any, error) {
		all, err := a.fleet(q).Parameters(q.r.Context())
		if err != nil {
			return nil, err
		}
		out := struct {
			Parameters []oosParameter
			TotalCount int
		}{Parameters: []oosParameter{}}
		for _, p := range all {
			if p.Secret == secret {
				out.Parameters = append(out.Parameters, oosModel(p))
			}
		}
		out.TotalCount = len(out.Parameters)
		return out, nil
	}
}
