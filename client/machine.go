package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
)

const (
	ecsVersion = "2014-05-26"
	ecsRegion  = "local" // which the API wants, and one server has no more of
)

// Machine is an instance whose agent has enrolled.
type Machine struct {
	ID         string       `json:"InstanceId"`
	Name       string       `json:"InstanceName"`
	Hostname   string       `json:"Hostname"`
	OS         string       `json:"OsType"`
	Address    string       `json:"IntranetIp"`
	Agent      string       `json:"AgentVersion"`
	Connected  bool         `json:"Connected"`
	Registered string       `json:"RegistrationTime"`
	Runs       int64        `json:"InvocationCount"`
	Tags       []MachineTag `json:"Tags"`
}

// MachineTag is a tag of a machine.
type MachineTag struct {
	Key   string `json:"TagKey"`
	Value string `json:"TagValue"`
}

// Targets say where something is to be done: machines by their ids, or all that have these tags.
type Targets struct {
	IDs  []string
	Tags []MachineTag
}

func (t Targets) params(p url.Values) {
	for i, id := range t.IDs {
		p.Set(fmt.Sprintf("InstanceId.%d", i+1), id)
	}
	for i, tag := range t.Tags {
		p.Set(fmt.Sprintf("ResourceTag.%d.Key", i+1), tag.Key)
		p.Set(fmt.Sprintf("ResourceTag.%d.Value", i+1), tag.Value)
	}
}

// ecs calls an action of ECS.
func (c *Client) ecs(ctx context.Context, action string, params url.Values, out any) error {
	params.Set("RegionId", ecsRegion)
	return c.rpc(ctx, ecsVersion, action, params, out)
}

// Machines lists all machines, the newest first.
func (c *Client) Machines(ctx context.Context) ([]Machine, error) {
	var all []Machine
	for token := ""; ; {
		var out struct {
			Instances []Machine
			NextToken string
		}
		if err := c.ecs(ctx, "DescribeManagedInstances", url.Values{"MaxResults": {"50"}, "NextToken": {token}}, &out); err != nil {
			return nil, err
		}
		all = append(all, out.Instances...)
		if token = out.NextToken; token == "" {
			return all, nil
		}
	}
}

// RenameMachine gives a machine another name. Error code: InvalidInstanceId.NotFound.
func (c *Client) RenameMachine(ctx context.Context, id, name string) error {
	return c.ecs(ctx, "ModifyManagedInstance", url.Values{"InstanceId": {id}, "InstanceName": {name}}, nil)
}

// TagMachine sets tags of a machine.
func (c *Client) TagMachine(ctx context.Context, id string, tags []MachineTag) error {
	p := url.Values{"ResourceType": {"managedinstance"}, "ResourceId.1": {id}}
	for i, tag := range tags {
		p.Set(fmt.Sprintf("Tag.%d.Key", i+1), tag.Key)
		p.Set(fmt.Sprintf("Tag.%d.Value", i+1), tag.Value)
	}
	return c.ecs(ctx, "TagResources", p, nil)
}

// RemoveMachine deregisters a machine: its agent is refused from then on. Error code: InvalidInstanceId.NotFound.
func (c *Client) RemoveMachine(ctx context.Context, id string) error {
	return c.ecs(ctx, "DeregisterManagedInstance", url.Values{"InstanceId": {id}}, nil)
}

// Activation lets agents enrol.
type Activation struct {
	ID   string `json:"ActivationId"`
	Code string `json:"ActivationCode"` // told once
}

// Activate makes an activation for so many machines, within some hours.
func (c *Client) Activate(ctx context.Context, machines, hours int, tags []MachineTag) (a Activation, err error) {
	p := url.Values{"InstanceCount": {strconv.Itoa(machines)}, "TimeToLiveInHours": {strconv.Itoa(hours)}}
	for i, tag := range tags {
		p.Set(fmt.Sprintf("Tag.%d.Key", i+1), tag.Key)
		p.Set(fmt.Sprintf("Tag.%d.Value", i+1), tag.Value)
	}
	err = c.ecs(ctx, "CreateActivation", p, &a)
	return a, err
}

// Run is a script to run.
type Run struct {
	Targets
	Type       string // RunShellScript, RunBatScript or RunPowerShellScript
	Content    string
	Name       string
	User       string
	Directory  string
	Timeout    int // seconds; 0 for the server's
	Frequency  string
	Parameters map[string]string // not nil: the content has parameters
}

// RunCommand runs a script on machines and returns the id of the invocation.
func (c *Client) RunCommand(ctx context.Context, r Run) (invocation string, err error) {
	p := url.Values{"Type": {r.Type}, "CommandContent": {base64.StdEncoding.EncodeToString([]byte(r.Content))}, "ContentEncoding": {"Base64"}}
	r.params(p)
	for name, v := range map[string]string{"Name": r.Name, "Username": r.User, "WorkingDir": r.Directory, "Frequency": r.Frequency} {
		if v != "" {
			p.Set(name, v)
		}
	}
	if r.Timeout > 0 {
		p.Set("Timeout", strconv.Itoa(r.Timeout))
	}
	if r.Parameters != nil {
		raw, err := json.Marshal(r.Parameters)
		if err != nil {
			return "", err
		}
		p.Set("EnableParameter", "true")
		p.Set("Parameters", string(raw))
	}
	var out struct{ InvokeID string }
	err = c.ecs(ctx, "RunCommand", p, &out)
	return out.InvokeID, err
}

// SentFile is a file to write on machines.
type SentFile struct {
	Targets                             // by id alone
	Name, Directory, Mode, Owner, Group string
	Content                             []byte
	Overwrite                           bool
}

// SendFile writes a file on machines and returns the id of the invocation.
func (c *Client) SendFile(ctx context.Context, f SentFile) (invocation string, err error) {
	p := url.Values{
		"Name": {f.Name}, "TargetDir": {f.Directory}, "Content": {base64.StdEncoding.EncodeToString(f.Content)}, "ContentType": {"Base64"},
		"Overwrite": {strconv.FormatBool(f.Overwrite)},
	}
	f.params(p)
	for name, v := range map[string]string{"FileMode": f.Mode, "FileOwner": f.Owner, "FileGroup": f.Group} {
		if v != "" {
			p.Set(name, v)
		}
	}
	var out struct{ InvokeID string }
	err = c.ecs(ctx, "SendFile", p, &out)
	return out.InvokeID, err
}

// Invocation is a command that was run.
type Invocation struct {
	ID      string `json:"InvokeId"`
	Name    string `json:"CommandName"`
	Content string `json:"CommandContent"`
	Status  string `json:"InvocationStatus"`
	Created string `json:"CreationTime"`
	Repeat  string `json:"RepeatMode"`

	Frequency string
	Machines  struct {
		List []MachineRun `json:"InvokeInstance"`
	} `json:"InvokeInstances"`
}

// MachineRun is what an invocation does on one machine.
type MachineRun struct {
	Machine   string `json:"InstanceId"`
	Status    string `json:"InvocationStatus"`
	ExitCode  *int64
	Output    string
	Dropped   int64
	Repeats   int64
	ErrorCode string
	ErrorInfo string
	Started   string `json:"StartTime"`
	Finished  string `json:"FinishTime"`
}

// Over reports whether nothing follows.
func (r *MachineRun) Over() bool {
	switch r.Status {
	case "Pending", "Scheduled", "Running", "Stopping":
		return false
	}
	return true
}

// Invocations lists the newest invocations of commands, at most so many.
func (c *Client) Invocations(ctx context.Context, most int) ([]Invocation, error) {
	const page = 50
	var all []Invocation
	for token := ""; len(all) < most; {
		var out invocations
		p := url.Values{"MaxResults": {strconv.Itoa(min(page, most-len(all)))}, "NextToken": {token}, "ContentEncoding": {"PlainText"}}
		if err := c.ecs(ctx, "DescribeInvocations", p, &out); err != nil {
			return nil, err
		}
		all = append(all, out.Invocations.Invocation...)
		if token = out.NextToken; token == "" {
			break
		}
	}
	return all, nil
}

type invocations struct {
	Invocations struct{ Invocation []Invocation }
	NextToken   string
}

// Invocation returns an invocation with its output, of a command or a file. Error code: InvalidInvokeId.NotFound.
func (c *Client) Invocation(ctx context.Context, id string) (*Invocation, error) {
	for _, action := range []string{"DescribeInvocations", "DescribeSendFileResults"} {
		var out invocations
		p := url.Values{"InvokeId": {id}, "IncludeOutput": {"true"}, "ContentEncoding": {"PlainText"}}
		if err := c.ecs(ctx, action, p, &out); err != nil {
			return nil, err
		}
		if list := out.Invocations.Invocation; len(list) > 0 {
			return &list[0], nil
		}
	}
	return nil, &Error{Status: 404, Code: "InvalidInvokeId.NotFound", Message: "invocation " + id + " does not exist"}
}

// StopInvocation ends an invocation on all its machines. Error code: InvalidInvokeId.NotFound.
func (c *Client) StopInvocation(ctx context.Context, id string) error {
	return c.ecs(ctx, "StopInvocation", url.Values{"InvokeId": {id}}, nil)
}

// Over reports whether nothing follows on any machine.
func (i *Invocation) Over() bool {
	for k := range i.Machines.List {
		if !i.Machines.List[k].Over() {
			return false
		}
	}
	return true
}

// Succeeded reports whether all machines succeeded.
func (i *Invocation) Succeeded() bool {
	for k := range i.Machines.List {
		if i.Machines.List[k].Status != "Success" {
			return false
		}
	}
	return true
}
