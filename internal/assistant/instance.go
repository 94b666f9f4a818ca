package assistant

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/meta"
)

// Instance is a machine whose agent has enrolled.
type Instance struct {
	ID            string `json:"id"`
	Account       string `json:"account,omitempty"` // its activation's
	Name          string `json:"name"`
	Activation    string `json:"activation"`
	PublicKey     string `json:"publicKey"`     // hash of the key that it enrolled with
	Key           []byte `json:"key,omitempty"` // of forgetful agents: the key that signs their requests, PKIX in DER
	OS            string `json:"os"`
	OSVersion     string `json:"osVersion,omitempty"`
	Hostname      string `json:"hostname,omitempty"`
	MachineID     string `json:"machineId"`
	IntranetIP    string `json:"intranetIp,omitempty"` // as the agent says
	InternetIP    string `json:"internetIp,omitempty"` // where its connection comes from
	AgentVersion  string `json:"agentVersion,omitempty"`
	ResourceGroup string `json:"resourceGroup,omitempty"`
	Tags          []Tag  `json:"tags,omitempty"`

	Registered  time.Time `json:"registered"`
	LastSeen    time.Time `json:"lastSeen,omitzero"` // as of the last connection; see Service.seen
	LastInvoked time.Time `json:"lastInvoked,omitzero"`
	Invocations int64     `json:"invocations,omitempty"`

	Ticket     string `json:"ticket,omitempty"`     // that opens a connection; "" before the first
	NextTicket string `json:"nextTicket,omitempty"` // given out, and not known to be kept
}

// describe takes what an agent says of its machine.
func (i *Instance) describe(m *agentproto.Machine, from string) {
	i.OS, i.OSVersion, i.Hostname, i.AgentVersion, i.IntranetIP = m.OS, m.OSVersion, m.Hostname, m.AgentVersion, m.Address
	if from != "" {
		i.InternetIP = from
	}
}

// OSType is the operating system in the API's words.
func (i *Instance) OSType() string {
	switch i.OS {
	case "windows":
		return "Windows"
	case "linux":
		return "Linux"
	}
	return i.OS
}

// InstanceState is an instance with what is known of it now.
type InstanceState struct {
	*Instance
	Connected bool
	Seen      time.Time // the last heartbeat
	Active    int       // runs that its agent says are under way
}

// InstanceFilter chooses instances; empty fields choose all.
type InstanceFilter struct {
	Activation, IP, Name, Machine, OSType, ResourceGroup string
	IDs                                                  []string
	Connected                                            *bool
	Tags                                                 []Tag
}

// connectedFor is how long after its last heartbeat an agent counts as there.
const connectedFor = 2 * time.Minute

// Instances returns the instances that f chooses, the newest first.
func (fl *Fleet) Instances(ctx context.Context, f InstanceFilter, p Page) (Listed[InstanceState], error) {
	name := wildcard(f.Name)
	return pageOf(ctx, fl, kindInstance, p, func(_ meta.Tx, i *Instance) (InstanceState, bool, error) {
		st := fl.s.stateOf(i)
		return st, (f.Activation == "" || f.Activation == i.Activation) && (f.IP == "" || f.IP == i.IntranetIP || f.IP == i.InternetIP) &&
			name(i.Name) && (f.Machine == "" || f.Machine == i.MachineID) && (f.OSType == "" || strings.EqualFold(f.OSType, i.OSType())) &&
			(f.ResourceGroup == "" || f.ResourceGroup == i.ResourceGroup) && (len(f.IDs) == 0 || slices.Contains(f.IDs, i.ID)) &&
			(f.Connected == nil || *f.Connected == st.Connected) && hasTags(i.Tags, f.Tags), nil
	})
}

func (s *Service) stateOf(i *Instance) InstanceState {
	st := InstanceState{Instance: i, Seen: i.LastSeen}
	s.mu.Lock()
	if x := s.sessions[i.ID]; x != nil {
		st.Seen, st.Active = x.seen, x.active
		st.Connected = s.now().Sub(x.seen) < connectedFor
	} else if known := s.instances[i.ID]; known != nil && known.LastSeen.After(st.Seen) {
		st.Seen = known.LastSeen
	}
	s.mu.Unlock()
	return st
}

// RenameInstance gives an instance another name, and tags if they are not nil.
func (fl *Fleet) RenameInstance(_ context.Context, id, name string, tags []Tag) error {
	if err := checkInstanceName(name); err != nil {
		return err
	}
	if err := checkTags(tags); err != nil {
		return err
	}
	return fl.s.changeInstance(id, fl.instance, func(i *Instance) error {
		i.Name = name
		if tags != nil {
			i.Tags = tags
		}
		return nil
	})
}

// TagInstance sets tags of an instance, and removes others by key.
func (fl *Fleet) TagInstance(_ context.Context, id string, set []Tag, remove []string) error {
	return fl.s.changeInstance(id, fl.instance, func(i *Instance) error {
		tags := slices.DeleteFunc(slices.Clone(i.Tags), func(t Tag) bool {
			return slices.Contains(remove, t.Key) || slices.ContainsFunc(set, func(n Tag) bool { return n.Key == t.Key })
		})
		tags = append(tags, set...)
		if err := checkTags(tags); err != nil {
			return err
		}
		i.Tags = tags
		return nil
	})
}

const minInstanceName, maxInstanceName = 2, 128

func checkInstanceName(name string) error {
	if n := utf8.RuneCountInString(name); n < minInstanceName || n > maxInstanceName || !plain(name) || strings.ContainsAny(name, "\n\t") {
		return fail(sluice.Invalid, "InvalidInstanceName.Malformed", "an instance name has %d to %d characters that print", minInstanceName, maxInstanceName)
	}
	return nil
}

// changeInstance changes the instance that find finds, under the rules of [change].
func (s *Service) changeInstance(id string, find func(meta.Tx, string) (*Instance, error), fn func(*Instance) error) error {
	return s.commits.do(func(tx meta.Tx) (func(), error) {
		i, err := find(tx, id)
		if err != nil {
			return nil, err
		}
		if err := fn(i); err != nil {
			return nil, err
		}
		return func() { s.setInstance(i) }, putInstance(tx, i)
	})
}

// anyInstance finds an instance for its own agent, whosever it is.
func anyInstance(tx meta.Tx, id string) (*Instance, error) {
	i, err := get[Instance](tx, kindInstance, id)
	if err == nil && i == nil {
		err = fail(sluice.NotFound, "InvalidInstanceId.NotFound", "instance %.80q does not exist", id)
	}
	return i, err
}

func (s *Service) setInstance(i *Instance) {
	s.mu.Lock()
	s.instances[i.ID] = i
	s.mu.Unlock()
}

// Deregister removes an instance; what is under way on it is over, and its agent is refused from then on. It returns what was removed.
func (fl *Fleet) Deregister(_ context.Context, id string) (*Instance, error) {
	return fl.s.deregister(id, fl.instance)
}

// Leave removes an instance because its own agent asks for it.
func (s *Service) Leave(_ context.Context, id string) error {
	_, err := s.deregister(id, anyInstance)
	return err
}

func (s *Service) deregister(id string, find func(meta.Tx, string) (*Instance, error)) (*Instance, error) {
	var gone *Instance
	err := s.commits.do(func(tx meta.Tx) (func(), error) {
		i, err := find(tx, id)
		if err != nil {
			return nil, err
		}
		gone = i
		targets, err := s.endAll(tx, id)
		if err != nil {
			return nil, err
		}
		if a, err := get[Activation](tx, kindActivation, i.Activation); err != nil {
			return nil, err
		} else if a != nil {
			a.Deregistered++
			if err := putActivation(tx, a); err != nil {
				return nil, err
			}
		}
		return func() { s.forgetInstance(id, targets) }, tx.DeleteItem(kindInstance, id)
	})
	return gone, err
}

// endAll ends all that is under way on an instance.
func (s *Service) endAll(tx meta.Tx, instance string) ([]*Target, error) {
	var ended []*Target
	keys, err := liveOn(tx, instance)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		t, err := s.endTarget(tx, key, Errored, codeDeregistered, "the instance was deregistered")
		if err != nil {
			return nil, err
		}
		if t != nil {
			ended = append(ended, t)
		}
	}
	return ended, nil
}

func (s *Service) forgetInstance(id string, ended []*Target) {
	s.ended(ended)
	s.mu.Lock()
	x := s.sessions[id]
	delete(s.instances, id)
	delete(s.sessions, id)
	s.mu.Unlock()
	if x != nil {
		x.peer.Close(&agentproto.Refused{Code: agentproto.CodeUnknown, Reason: "the instance was deregistered"})
	}
}

// taggedInstances are the instances that have all of these tags, by id.
func (fl *Fleet) taggedInstances(tags []Tag) []string {
	s := fl.s
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for id, i := range s.instances {
		if i.Account == fl.account && hasTags(i.Tags, tags) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
