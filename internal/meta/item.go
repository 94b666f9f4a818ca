package meta

import "encoding/json"

// Item is a JSON object of a part of the server that changes many of them at once. Unlike a [Document] it belongs to no project, and it does not
// make caches stale.
type Item struct {
	Kind, Name string
	Group      string          // what it is listed by, beside its name; "" for nothing
	Body       json.RawMessage // byte for byte
}

// ItemRange chooses items of a kind. The zero value chooses all.
type ItemRange struct {
	Group   string // those of this group; "" for all
	Prefix  string // of their names
	After   string // names behind this one in the order of the list; "" for all
	Reverse bool   // the last name first
	Limit   int    // at most so many; 0 for all
}
