package assistant

import (
	"context"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Token makes a call idempotent: the same caller, action and token get the same answer for a day.
type Token struct {
	Caller, Action string
	Text           string // ""; nothing is kept
	Params         string // a digest of all parameters
}

// answered is what a token got.
type answered struct {
	Params string    `json:"params"`
	Answer string    `json:"answer"`
	At     time.Time `json:"at"`
}

const (
	tokenLife = 24 * time.Hour
	maxToken  = 64
)

func (t *Token) check() error {
	if len(t.Text) > maxToken {
		return fail(sluice.Invalid, "InvalidClientToken.Malformed", "a client token has at most %d characters", maxToken)
	}
	for _, c := range []byte(t.Text) {
		if c < ' ' || c > '~' {
			return fail(sluice.Invalid, "InvalidClientToken.Malformed", "a client token is printable ASCII")
		}
	}
	return nil
}

// once commits fn, unless its token got an answer before. fn returns its answer, and is under the rules of change.
func (s *Service) once(_ context.Context, t Token, fn func(tx meta.Tx) (answer string, after func(), err error)) (answer string, err error) {
	if err := t.check(); err != nil {
		return "", err
	}
	name := t.Caller + "/" + t.Action + "/" + t.Text
	now := s.now()
	var mine func() // what an earlier try of this very call does after its commit
	err = s.commits.do(func(tx meta.Tx) (after func(), err error) {
		if t.Text == "" {
			answer, after, err = fn(tx)
			return after, err
		}
		before, err := get[answered](tx, kindToken, name)
		if err != nil {
			return nil, err
		}
		if before != nil && now.Sub(before.At) < tokenLife {
			if before.Params != t.Params {
				return nil, fail(sluice.Conflict, "IdempotentParameterMismatch", "the client token was used with other parameters")
			}
			if mine != nil && before.Answer == answer {
				return mine, nil // it was committed, and its answer lost
			}
			answer = before.Answer
			return nil, nil
		}
		if answer, after, err = fn(tx); err != nil {
			return nil, err
		}
		mine = after
		return after, put(tx, kindToken, name, "", &answered{Params: t.Params, Answer: answer, At: now})
	})
	return answer, err
}
