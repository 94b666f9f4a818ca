package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/jmespath/go-jmespath"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// form is how a command shows what it found.
type form struct {
	name  string             // "table", "json" or "yaml"
	query *jmespath.JMESPath // what of it, nil for all
}

// form reads --output and --query. Words other than table, json and yaml are refused.
func (a *app) form(cmd *cobra.Command) (form, error) {
	f := form{name: a.output}
	switch f.name {
	case "", "table":
		f.name = "table"
	case "json", "yaml":
	default:
		return f, misused(cmd, fmt.Errorf("output %q is not table, json or yaml", a.output))
	}
	if a.query == "" {
		return f, nil
	}
	var err error
	if f.query, err = jmespath.Compile(a.query); err != nil {
		return f, misused(cmd, fmt.Errorf("--query is not JMESPath: %w", err))
	}
	return f, nil
}

// lineQuery is --query for commands that write logs, one on a line: it is asked of each log. It is nil without --query, and an error with
// outputs that are no JSON.
func (a *app) lineQuery(cmd *cobra.Command) (*jmespath.JMESPath, error) {
	if a.query == "" {
		return nil, nil
	}
	if a.output != "" && a.output != "json" {
		return nil, misused(cmd, fmt.Errorf("--query is asked of the JSON of each log; it does not go with output %q", a.output))
	}
	query, err := jmespath.Compile(a.query)
	if err != nil {
		return nil, misused(cmd, fmt.Errorf("--query is not JMESPath: %w", err))
	}
	return query, nil
}

// queriedLines passes on what a query finds in lines of JSON, each of which comes in one write. Lines in which it finds nothing are left out.
type queriedLines struct {
	app   *app
	query *jmespath.JMESPath
	to    io.Writer
}

func (q *queriedLines) Write(line []byte) (int, error) {
	var log any
	if err := json.Unmarshal(line, &log); err != nil {
		return 0, err
	}
	found, err := q.query.Search(log)
	if err != nil {
		return 0, fmt.Errorf("--query: %w", err)
	}
	if found == nil {
		return len(line), nil
	}
	return len(line), q.app.texts(q.to, found)
}

// show writes v as JSON or YAML if that is wanted, and otherwise calls table. With --query it writes what that finds; a table of it is
// its texts, one on a line.
func (a *app) show(cmd *cobra.Command, v any, table func() error) error {
	f, err := a.form(cmd)
	if err != nil {
		return err
	}
	if f.query != nil {
		if v, err = search(f.query, v); err != nil {
			return misused(cmd, fmt.Errorf("--query: %w", err))
		}
		table = func() error { return a.texts(a.out, v) }
	}
	switch f.name {
	case "table":
		return table()
	case "yaml":
		return a.yaml(v)
	}
	return a.json(v)
}

func (a *app) json(v any) error {
	encoder := json.NewEncoder(a.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// yaml writes the JSON of v as YAML: the same members in the same order.
func (a *app) yaml(v any) error {
	text, err := toYAML(v)
	if err == nil {
		if a.out.Terminal() {
			text = []byte(tty.VisibleLines(string(text)))
		}
		_, err = a.out.Write(text)
	}
	return err
}

func toYAML(v any) ([]byte, error) {
	var raw, text bytes.Buffer
	encoder := json.NewEncoder(&raw)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(raw.Bytes(), &document); err != nil { // JSON is YAML
		return nil, err
	}
	blockStyle(&document)
	out := yaml.NewEncoder(&text)
	out.SetIndent(2)
	if err := out.Encode(&document); err != nil {
		return nil, err
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// otherInOldYAML are texts that readers of YAML 1.1, such as Python's, take for truth values and for numbers to the base of 60.
var otherInOldYAML = regexp.MustCompile(`^(?i:yes|no|on|off)$|^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$`)

// blockStyle takes the brackets and quotes of JSON away where YAML needs none.
func blockStyle(n *yaml.Node) {
	n.Style = 0
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && otherInOldYAML.MatchString(n.Value) {
		n.Style = yaml.DoubleQuotedStyle
	}
	for _, child := range n.Content {
		blockStyle(child)
	}
}

// search applies a JMESPath expression to the JSON of v.
func search(query *jmespath.JMESPath, v any) (any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var document any
	if err := json.Unmarshal(raw, &document); err != nil {
		return nil, err
	}
	return query.Search(document)
}

// oneLine is a value as JSON on one line.
func oneLine(v any) (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return strings.TrimSuffix(text.String(), "\n"), err
}

// texts writes what a query found for people and scripts: texts and numbers as they are, lists one on a line, and objects as JSON.
func (a *app) texts(to io.Writer, v any) error {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, item := range list {
		text, ok := item.(string)
		if !ok {
			var err error
			if text, err = oneLine(item); err != nil {
				return err
			}
		}
		if a.out.Terminal() {
			text = tty.VisibleLines(text)
		}
		if _, err := fmt.Fprintln(to, text); err != nil {
			return err
		}
	}
	return nil
}
