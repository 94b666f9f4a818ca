package policy

// Request is what somebody wants to do. Its texts are only read.
type Request struct {
	Action  []byte // in lower case: "log:getlogstore"
	Service []byte // of the resource, like the next three: acs:SERVICE:REGION:ACCOUNT:PATH
	Region  []byte
	Account []byte
	Path    []byte
	Caller  Caller // who wants it: for policies with principals
	Context *Context
}

// Caller is who asks: an account, one of its users, or who assumed one of its roles.
type Caller struct {
	Account string
	User    string // "" if it is no user
	Role    string // "" if it is nobody's role; without user and role it is the account itself
}

// Effect is what policies say to a request.
type Effect uint8

// The effects. The zero Effect denies, like all but Allow.
const (
	None  Effect = iota // no statement applies
	Allow               // a statement allows it, and none denies it
	Deny                // a statement denies it
)

func (e Effect) String() string {
	switch e {
	case Allow:
		return "Allow"
	case Deny:
		return "Deny"
	}
	return "None"
}

// Decision is an effect and the statement that has it: the first that denies, or else the first that allows.
type Decision struct {
	Effect    Effect
	Policy    string // name of the policy in the Set; "" for None
	Statement int    // index in the policy
	Line      int    // of the statement in its document
}

// Named is a policy with the name that decisions know it by.
type Named struct {
	Name string
	*Policy
}

// Set is policies that are judged together. It does not change while it is asked.
type Set []Named

// Decide is what the policies say to r.
func (s Set) Decide(r *Request) Decision {
	var d Decision
	for i := range s {
		statements := s[i].statements
		for j := range statements {
			st := &statements[j]
			if !st.deny && d.Effect == Allow || !st.applies(r) {
				continue
			}
			found := Decision{Allow, s[i].Name, j, st.line}
			if st.deny {
				found.Effect = Deny
				return found
			}
			d = found
		}
	}
	return d
}

func (s *statement) applies(r *Request) bool {
	if !s.actions.match(r.Action) || !s.resources.match(r) || !s.principals.match(r, len(s.conditions) > 0) {
		return false
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(r.Context) {
			return false
		}
	}
	return true
}
