package assistant

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Limits of parameters.
const (
	maxParameters     = 20 // that a command has
	maxParametersSent = 10
	maxParameterName  = 64
)

// placeholder finds {{ name }}, with white space and newlines inside the braces; a name is custom, ACS::built-in, oos:name or oos-secret:name.
var placeholder = regexp.MustCompile(`\{\{\s*([A-Za-z0-9_:.\-]+)\s*\}\}`)

var parameterName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// reference is what a placeholder stands for.
type reference struct {
	kind referenceKind
	name string // custom and built-in names in lower case
}

type referenceKind int

const (
	custom referenceKind = iota
	builtIn
	stored // in the parameter store
	secret // in the parameter store, sealed
)

func parseReference(text string) reference {
	low := strings.ToLower(text)
	switch {
	case strings.HasPrefix(low, "acs::"):
		return reference{builtIn, low[len("acs::"):]}
	case strings.HasPrefix(low, "oos-secret:"):
		return reference{secret, text[len("oos-secret:"):]}
	case strings.HasPrefix(low, "oos:"):
		return reference{stored, text[len("oos:"):]}
	}
	return reference{custom, low}
}

// parameterNames are the custom parameters of a content as they are written, each once.
func parameterNames(content string) []string {
	var names []string
	seen := map[string]bool{}
	for _, m := range placeholder.FindAllStringSubmatch(content, -1) {
		if r := parseReference(m[1]); r.kind == custom && !seen[r.name] {
			seen[r.name] = true
			names = append(names, m[1])
		}
	}
	return names
}

// checkTemplate checks the parameters that a content declares.
func checkTemplate(content string) error {
	names := parameterNames(content)
	if len(names) > maxParameters {
		return fail(sluice.TooLarge, "CmdParamCount.ExceedLimit", "the content has %d parameters, at most %d are allowed", len(names), maxParameters)
	}
	for _, n := range names {
		switch {
		case len(n) > maxParameterName:
			return fail(sluice.TooLarge, "CmdParamName.ExceedLimit", "the name of parameter %.64q has more than %d characters", n, maxParameterName)
		case !parameterName.MatchString(n):
			return fail(sluice.Invalid, "CmdParam.InvalidParamName", "the name of parameter %.64q is not made of letters, digits, _ and -", n)
		}
	}
	if strings.Contains(strings.Join(strings.Fields(content), ""), "{{}}") {
		return fail(sluice.Invalid, "CmdParam.EmptyKey", "{{}} is a parameter without a name")
	}
	return nil
}

// checkParameters checks values against a command's content.
func checkParameters(enabled bool, content string, values map[string]string) error {
	if len(values) == 0 {
		return nil
	}
	if !enabled {
		return fail(sluice.Invalid, "Parameter.Disabled", "parameters are given, and EnableParameter is false")
	}
	if len(values) > maxParametersSent {
		return fail(sluice.TooLarge, "ParameterCount.ExceedLimit", "%d parameters are given, at most %d are allowed", len(values), maxParametersSent)
	}
	declared := map[string]bool{}
	for _, n := range parameterNames(content) {
		declared[strings.ToLower(n)] = true
	}
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		low := strings.ToLower(name)
		switch {
		case name == "" || len(name) > maxParameterName:
			return fail(sluice.TooLarge, "ParameterKey.ExceedLimit", "a parameter's name has 1 to %d characters", maxParameterName)
		case seen[low]:
			return fail(sluice.Conflict, "ParameterKey.Duplicate", "parameter %s is given twice", name)
		case !declared[low]:
			return fail(sluice.Conflict, "Parameter.NotMatched", "the content has no parameter %s", name)
		case !utf8.ValidString(values[name]):
			return fail(sluice.Conflict, "InvalidParameterCharset.Parameters", "the value of parameter %s is not UTF-8", name)
		}
		seen[low] = true
	}
	return nil
}

// resolved is a content with all its parameters in place.
type resolved struct {
	content string
	secrets []string // the values of secret parameters in it
}

// resolveError is why a content cannot be resolved, in the words of records.
type resolveError struct{ code, info string }

func (e *resolveError) Error() string { return e.info }

// resolve puts parameters into a content in one pass, so that a value is never looked at again. lookup finds values in the parameter store.
func resolve(content string, values, builtIns map[string]string, lookup func(reference) (string, error)) (resolved, error) {
	low := make(map[string]string, len(values))
	for name, v := range values {
		low[strings.ToLower(name)] = v
	}
	var out resolved
	var failed error
	out.content = placeholder.ReplaceAllStringFunc(content, func(match string) string {
		r := parseReference(placeholder.FindStringSubmatch(match)[1])
		switch r.kind {
		case custom:
			return low[r.name] // one that is missing is empty
		case builtIn:
			v, ok := builtIns[r.name]
			if !ok {
				failed = &resolveError{codeUnknownBuiltIn, "there is no built-in parameter " + match}
			}
			return v
		}
		v, err := lookup(r)
		if err != nil {
			failed = err
		}
		if r.kind == secret && v != "" {
			out.secrets = append(out.secrets, v)
		}
		return v
	})
	return out, failed
}

// Parameter is a value in the parameter store. A secret one is sealed, and never shown.
type Parameter struct {
	Name   string `json:"name"`
	Secret bool   `json:"secret,omitempty"`
	Value  string `json:"value,omitempty"`
	Sealed []byte `json:"sealed,omitempty"`
}

const sealParameter = "assistant parameter"

// sealedName is what a secret is sealed for: its name, and whose it is.
func sealedName(account, name string) string {
	if account == "" {
		return name
	}
	return account + "/" + name
}

// maxParameterValue bounds a value in the parameter store, in bytes.
const maxParameterValue = 4 << 10

// storeName is how a parameter is called among the items of its account: secrets and others have names of their own.
func storeName(name string, isSecret bool) string {
	if isSecret {
		return "secret/" + name
	}
	return "plain/" + name
}

// SetParameter keeps a value under a name for {{oos:name}}, or, if it is secret, for {{oos-secret:name}}. Errors: Throttled if the account has as many
// as it may.
func (fl *Fleet) SetParameter(_ context.Context, name, value string, isSecret bool) error {
	if len(name) > maxDescription || !placeholder.MatchString("{{oos:"+name+"}}") {
		return fail(sluice.Invalid, "InvalidParameter.Name", "the name of a parameter is made of letters, digits and _ - . :")
	}
	if value == "" || len(value) > maxParameterValue || !utf8.ValidString(value) {
		return fail(sluice.Invalid, "InvalidParameter.Value", "the value of a parameter is 1 to %d bytes of UTF-8", maxParameterValue)
	}
	p := &Parameter{Name: name, Secret: isSecret, Value: value}
	if isSecret {
		p.Value, p.Sealed = "", fl.s.ring.Seal([]byte(value), sealParameter, sealedName(fl.account, name))
	}
	kind, called := of(kindParameter, fl.account), storeName(name, isSecret)
	return fl.s.commits.do(func(tx meta.Tx) (func(), error) {
		before, err := get[Parameter](tx, kind, called)
		if err == nil && before == nil {
			err = fl.roomForParameter(tx)
		}
		if err != nil {
			return nil, err
		}
		return nil, errorsFirst(put(tx, kind, called, "", p), putFleet(tx, fl.account))
	})
}

// Parameters lists the parameter store; secret values are not in it.
func (fl *Fleet) Parameters(ctx context.Context) (all []*Parameter, err error) {
	err = fl.s.store.View(ctx, func(tx meta.Tx) error {
		all, err = list[Parameter](tx, of(kindParameter, fl.account), meta.ItemRange{})
		return err
	})
	for _, p := range all {
		p.Sealed = nil
	}
	return all, err
}

// DeleteParameter removes a value; schedules that need it fail from then on.
func (fl *Fleet) DeleteParameter(_ context.Context, name string, isSecret bool) error {
	kind := of(kindParameter, fl.account)
	return fl.s.commits.do(func(tx meta.Tx) (func(), error) {
		p, err := get[Parameter](tx, kind, storeName(name, isSecret))
		if err != nil {
			return nil, err
		}
		if p == nil {
			return nil, fail(sluice.NotFound, "EntityNotExists.Parameter", "parameter %.80q does not exist", name)
		}
		return nil, tx.DeleteItem(kind, storeName(name, isSecret))
	})
}

// lookup finds a value of an account's parameter store in a transaction.
func (s *Service) lookup(tx meta.Tx, account string) func(reference) (string, error) {
	return func(r reference) (string, error) {
		p, err := get[Parameter](tx, of(kindParameter, account), storeName(r.name, r.kind == secret))
		if err != nil {
			return "", err
		}
		if p == nil {
			return "", &resolveError{codeNoSecret, "the parameter store has no parameter " + r.name}
		}
		if !p.Secret {
			return p.Value, nil
		}
		raw, err := s.ring.Open(p.Sealed, sealParameter, sealedName(account, r.name))
		return string(raw), err
	}
}
