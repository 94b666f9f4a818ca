package sink

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
)

// Masks hides the secrets of a configuration in what its destination says: many repeat what they were sent, tokens and passwords too. The zero value
// hides nothing.
type Masks struct{ replacer *strings.Replacer }

// minMasked is the length from which on a secret is hidden. Shorter ones are parts of ordinary words.
const minMasked = 4

// NewMasks makes masks of secrets by their path, as [SplitSecrets] returns them.
func NewMasks(secrets map[string]string) Masks {
	var found []string
	for _, s := range secrets {
		if len(s) < minMasked {
			continue
		}
		found = append(found, s, url.QueryEscape(s), url.PathEscape(s), base64.StdEncoding.EncodeToString([]byte(s)))
		if quoted, err := json.Marshal(s); err == nil {
			found = append(found, string(quoted[1:len(quoted)-1]))
		}
	}
	if len(found) == 0 {
		return Masks{}
	}
	// At one place the first that fits is taken, so the longer come first: one secret may be the beginning of another.
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, text := range slices.Compact(found) {
		pairs = append(pairs, text, Mask)
	}
	return Masks{strings.NewReplacer(pairs...)}
}

// Text returns text with the mask in the place of secrets.
func (m Masks) Text(text string) string {
	if m.replacer == nil {
		return text
	}
	return m.replacer.Replace(text)
}

// Err returns err, or one that means the same to the engine and shows no secret.
func (m Masks) Err(err error) error {
	if err == nil || m.Text(err.Error()) == err.Error() {
		return err
	}
	var (
		refused *Refused
		halt    *Halt
		later   *Later
		told    *sluice.Error
	)
	switch {
	case errors.As(err, &refused):
		return &Refused{First: refused.First, Count: refused.Count, Reason: m.Text(refused.Reason)}
	case errors.As(err, &halt):
		return &Halt{Reason: m.Text(halt.Reason)}
	case errors.As(err, &later):
		return &Later{After: later.After, Err: errors.New(m.Text(fmt.Sprint(later.Err)))}
	}
	if errors.As(err, &told) { // clients are shown its message
		return &sluice.Error{Kind: told.Kind, Noun: told.Noun, Msg: m.Text(told.Msg)}
	}
	return &masked{m.Text(err.Error()), err}
}

// masked is an error whose text is another. What it wraps answers errors.Is and errors.As.
type masked struct {
	text string
	err  error
}

func (e *masked) Error() string { return e.text }
func (e *masked) Unwrap() error { return e.err }
