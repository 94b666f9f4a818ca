// Package category is the catalogue of edge logs: which categories there are and which fields their logs have (reference delivery b).
//
// The catalogue is the text file fields.txt, read once at start.
package category

import (
	_ "embed"
	"fmt"
	"strings"
)

// Scope is what a category's logs belong to.
type Scope uint8

// The scopes.
const (
	Site Scope = iota
	Account
)

// Type is the type of a field's values. A time is ISO 8601 with an offset.
type Type string

// The types.
const (
	String Type = "string"
	Int    Type = "int"
	Float  Type = "float"
	Bool   Type = "bool"
	Time   Type = "time"
)

// Category is a kind of edge logs.
type Category struct {
	ID       string // the API's BusinessType
	Logstore string
	Title    string
	Scope    Scope
	Fields   []Field // in the order in which they are shown
}

// Field is a field of a category's logs.
type Field struct {
	Name        string
	Group       string
	Type        Type
	Default     bool // offered first to new tasks
	Description string
	Chinese     string // the description in Chinese
}

// Default is the category of those who name none.
const Default = "dcdn_log_access_l1"

// All returns the categories. Nothing in it may be changed.
func All() []Category { return all }

// Find returns a category by its ID.
func Find(id string) (Category, bool) {
	for _, c := range all {
		if c.ID == id {
			return c, true
		}
	}
	return Category{}, false
}

// Field returns a field of c by its name.
func (c Category) Field(name string) (Field, bool) {
	for _, f := range c.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

//go:embed fields.txt
var text string

var all = parse(text)

// parse reads the catalogue. It is part of the program: what is wrong in it panics at start, and so in every test.
func parse(text string) []Category {
	var list []Category
	group := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		words := strings.Fields(line)
		switch {
		case line == "" || line[0] == '#':
		case words[0] == "category":
			c := Category{ID: words[1], Logstore: words[3], Title: strings.Join(words[4:], " ")}
			if words[2] == "account" {
				c.Scope = Account
			}
			list = append(list, c)
		case words[0] == "group":
			group = words[1]
		default:
			c := &list[len(list)-1]
			c.Fields = append(c.Fields, parseField(group, words))
		}
	}
	return list
}

func parseField(group string, words []string) Field {
	english, chinese, ok := strings.Cut(strings.Join(words[3:], " "), " | ")
	f := Field{Name: words[0], Group: group, Type: Type(words[1]), Default: words[2] == "+", Description: english, Chinese: chinese}
	switch f.Type {
	case String, Int, Float, Bool, Time:
	default:
		ok = false
	}
	if !ok {
		panic(fmt.Sprintf("category: fields.txt: %q", words))
	}
	return f
}
