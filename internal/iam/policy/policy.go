// Package policy reads RAM policies and decides by them. It is pure: it knows no users, no clock and no network.
//
//	document ──Parse──> Policy ──┐
//	document ──Parse──> Policy ──┼─ Set.Decide(Request) ──> Decision: denied by name and statement, allowed by, or nothing said
//	                             ┘
//
// Invariants:
//   - A document is read whole or refused with the place of the fault: nothing in it is skipped. A condition that this server
//     cannot judge is a fault, since a Deny that never applies is worse than an error.
//   - A Deny that applies wins over every Allow; where nothing applies, nothing is allowed.
//   - A decision allocates nothing and takes time in proportion to patterns and text, whatever the wildcards.
package policy

// Kind says what a policy hangs on, and so which elements its statements have.
type Kind uint8

// The kinds.
const (
	Identity Kind = iota // on a user, a group or a role, or of a session: Action and Resource, no Principal
	Resource             // on a project: a Principal as well; without one a Deny is about everybody, an Allow about the project's own account
	Trust                // on a role: who may assume it. Action and Principal, no Resource
)

// MaxBytes bounds a document: no kind of policy of the service that is followed here may be larger.
const MaxBytes = 16 << 10

// Policy is a compiled document. It does not change.
type Policy struct {
	statements []statement
}

// statement is one compiled statement.
type statement struct {
	deny       bool
	line       int // in the document, from 1
	actions    actions
	resources  resources
	principals principals
	conditions []condition
}

// Statements is how many statements p has.
func (p *Policy) Statements() int { return len(p.statements) }

// Line is the line of the document on which a statement begins.
func (p *Policy) Line(statement int) int { return p.statements[statement].line }
