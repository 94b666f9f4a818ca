// Package operation is the table of what is called: of each action of each dialect what audit events call it, whether it changes anything, whether it
// is about data or their management, and what of its parameters and of its answer is kept.
//
//	service + action ──Find──> Operation ──Request, Response──> what may be told
//
// What is kept is on a list; of everything else only that it was there. The lists are text, a line for each action:
//
//	CreateLogStore W M  logstoreName ttl shardCount            W or R: does it change anything; M or D: management or data
//	DeleteLogStore W MF                                        management that leads to room on the disk being made
//	PutLogs=PostLogStoreLogs W D  key                          audit events call it PostLogStoreLogs
//	CreateCommand W M  Name Type CommandContent:hash > CommandId
//	                             of CommandContent length and SHA-256 alone; of the answer CommandId
//	CreateIndex W M  keys:types                                of keys the names, with the type of each
//	RunCommand W M  Parameters:names                           of Parameters the names alone
//	* logstore name                                            kept of all actions below
//	@store ttl shardCount                                      what @store stands for in lines below
//
// A test walks the routers of all dialects: an action without a line does not build. That a list is about names at any depth makes it short; nothing on it
// may be a secret anywhere in its action.
package operation

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicelog/sluice/internal/trail"
)

// Operation is what the table says of an action.
type Operation struct {
	Service  string
	Action   string // as the dialect has it
	Name     string // as audit events have it
	ReadOnly bool
	Category trail.Category
	Frees    bool // it leads to room on the disk being made
	Known    bool // it has a line; false for what the rule for all others made

	keep, answer map[string]way // by name of a member
}

// KeepsAnswer reports whether anything of the answer is kept.
func (o *Operation) KeepsAnswer() bool { return len(o.answer) > 0 }

// way is how a member is kept.
type way uint8

const (
	whole way = iota // and, of an object, what else is on the list
	hash             // length and SHA-256
	types            // of an object of objects: their names and types
	names            // of an object: its names
)

var ways = map[string]way{"": whole, "hash": hash, "types": types, "names": names}

// tables are the lists by service.
var tables = map[string]string{
	trail.ServiceSLS:         slsTable,
	trail.ServiceECS:         ecsTable,
	trail.ServiceOOS:         oosTable,
	trail.ServiceESA:         esaTable,
	trail.ServiceRAM:         ramTable,
	trail.ServiceSTS:         stsTable,
	trail.ServiceActionTrail: actionTrailTable,
	trail.ServiceCloudTrail:  cloudTrailTable,
	trail.ServiceQueue:       queueTable,
	trail.ServiceAgent:       agentTable,
}

type key struct{ service, action string }

// table has all operations, byAction those whose action one service alone has; nil for others.
var table, byAction = build()

func build() (all map[key]*Operation, alone map[string]*Operation) {
	all, alone = map[key]*Operation{}, map[string]*Operation{}
	for service, text := range tables {
		for _, o := range parse(service, text) {
			all[key{service, o.Action}] = o
			if _, again := alone[o.Action]; again {
				alone[o.Action] = nil
			} else {
				alone[o.Action] = o
			}
		}
	}
	return all, alone
}

// parse reads a list. It panics where there is a mistake in it, which tests see first.
func parse(service, text string) (list []*Operation) {
	common, lists := map[string]way{}, map[string][]string{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
			continue
		case words[0] == "*":
			common = members(words[1:], nil)
			continue
		case words[0][0] == '@':
			lists[words[0]] = words[1:]
			continue
		case len(words) < 3:
			panic(fmt.Sprintf("operation: %q has no class", line))
		}
		o := &Operation{Service: service, Known: true}
		var renamed bool
		if o.Action, o.Name, renamed = strings.Cut(words[0], "="); !renamed {
			o.Name = o.Action
		}
		o.ReadOnly = words[1] == "R"
		o.Category = map[string]trail.Category{"M": trail.Management, "MF": trail.Management, "D": trail.Data}[words[2]]
		o.Frees = words[2] == "MF"
		if o.Category == "" || !o.ReadOnly && words[1] != "W" {
			panic(fmt.Sprintf("operation: %q has no class", line))
		}
		kept := spread(words[3:], lists)
		if i := slices.Index(kept, ">"); i >= 0 {
			o.answer, kept = members(kept[i+1:], nil), kept[:i]
		}
		o.keep = members(kept, common)
		list = append(list, o)
	}
	return list
}

// spread puts lists in the place of their names.
func spread(words []string, lists map[string][]string) (all []string) {
	for _, word := range words {
		if word[0] != '@' {
			all = append(all, word)
			continue
		}
		list, ok := lists[word]
		if !ok {
			panic(fmt.Sprintf("operation: there is no list %s", word))
		}
		all = append(all, list...)
	}
	return all
}

func members(words []string, and map[string]way) map[string]way {
	m := maps.Clone(and)
	if m == nil {
		m = map[string]way{}
	}
	for _, word := range words {
		name, how, _ := strings.Cut(word, ":")
		w, ok := ways[how]
		if !ok {
			panic(fmt.Sprintf("operation: %q is no way to keep a member", word))
		}
		m[name] = w
	}
	return m
}

// Find returns what the table says of an action. A service of "" is one that the caller does not know: then the action's name has to be enough. Of an
// action that has no line nothing is kept, and by its name it reads or changes something; of one that was not even found the name is "".
func Find(service, action string) *Operation {
	if o := table[key{service, action}]; o != nil {
		return o
	}
	if o := byAction[action]; o != nil && service == "" {
		return o
	}
	return &Operation{Service: service, Action: action, Name: action, ReadOnly: reads(action), Category: trail.Management}
}

// readers begin the names of actions that change nothing (reference audit 3.3).
var readers = []string{"Get", "List", "Describe", "Lookup", "Query", "Search", "Check", "Head", "Peek", "Pull"}

func reads(action string) bool {
	return slices.ContainsFunc(readers, func(prefix string) bool { return strings.HasPrefix(action, prefix) })
}

// All are all operations of a service, by action.
func All(service string) []*Operation {
	var list []*Operation
	for k, o := range table {
		if k.service == service {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b *Operation) int { return strings.Compare(a.Action, b.Action) })
	return list
}

// Services are all services that have a list, sorted.
func Services() []string { return slices.Sorted(maps.Keys(tables)) }
