package sluicelog

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
)

// Field is something that is known of a log besides what it says. The names are those of the handlers of the Python SDK, so that
// programs in both languages fill the same columns.
type Field string

// The fields. Python's thread_id and thread_name have no counterpart: goroutines have no names.
const (
	RecordName  Field = "record_name"  // Name of the options
	Level       Field = "level"        // DEBUG, INFO, WARN, ERROR, or one between them, like INFO+2
	FuncName    Field = "func_name"    // of the caller, as Type.Method
	Module      Field = "module"       // package path of the caller
	FilePath    Field = "file_path"    // of the caller
	LineNo      Field = "line_no"      // of the caller
	ProcessID   Field = "process_id"   // of this program
	ProcessName Field = "process_name" // of this program
)

// AllFields are what a handler sends if nothing else is asked for.
var AllFields = []Field{RecordName, Level, FuncName, Module, FilePath, LineNo, ProcessID, ProcessName}

// messageField holds what a log says.
const messageField = "message"

// Content says which fields a log gets.
type Content struct {
	// Fields [AllFields] are what is sent of what is known of a log; an empty list, not nil, sends none. Those without a value, as
	// RecordName without a Name, are left out.
	Fields []Field
	// FieldsPrefix and FieldsSuffix go around the names of Fields and of Extra, against clashes with what programs log
	// themselves: where two fields of a log have one name, searches see both and SQL sees one.
	FieldsPrefix, FieldsSuffix string
	// Name is the value of RecordName: which logger it is.
	Name string
	// Extra fields, the same in each log.
	Extra []sluice.Field

	// ExtractJSON makes a field of each member of a message that is a JSON object, with values that are no text as JSON.
	ExtractJSON                          bool
	ExtractJSONPrefix, ExtractJSONSuffix string // around the names of those fields
	ExtractJSONDropMessage               bool   // leave out the message if it was one

	// ExtractKV makes a field of each key=value in a message. Keys and bare values are letters, digits, "_", "." and "-"; other
	// values stand in double quotes.
	ExtractKV                        bool
	ExtractKVPrefix, ExtractKVSuffix string // around the names of those fields
	ExtractKVDropMessage             bool   // leave out the message if something was found
	ExtractKVSeparator               string // ["="] regular expression of what is between key and value: "(?:=|:)" takes both
}

// content is Content made ready.
type content struct {
	Content
	kv     *keyValues     // nil if there is nothing to extract
	always []sluice.Field // fields that are the same in each log
	caller bool           // one of the fields is about the caller
	level  string         // name of that field, "" for none
}

func (c Content) compile() (*content, error) {
	if c.Fields == nil {
		c.Fields = AllFields
	}
	out := &content{Content: c}
	for _, f := range c.Fields {
		name := c.FieldsPrefix + string(f) + c.FieldsSuffix
		switch f {
		case RecordName:
			if c.Name != "" {
				out.always = append(out.always, sluice.Field{Key: name, Value: c.Name})
			}
		case ProcessID:
			out.always = append(out.always, sluice.Field{Key: name, Value: strconv.Itoa(os.Getpid())})
		case ProcessName:
			out.always = append(out.always, sluice.Field{Key: name, Value: processName()})
		case Level:
			out.level = name
		case FuncName, Module, FilePath, LineNo:
			out.caller = true
		default:
			return nil, fmt.Errorf("sluicelog: field %q is not one of %v", f, AllFields)
		}
	}
	for _, f := range c.Extra {
		out.always = append(out.always, sluice.Field{Key: c.FieldsPrefix + f.Key + c.FieldsSuffix, Value: f.Value})
	}
	if c.ExtractKV {
		var err error
		if out.kv, err = newKeyValues(cmp.Or(c.ExtractKVSeparator, "=")); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// appendMessage appends the message and what is extracted of it.
func (c *content) appendMessage(dst []sluice.Field, message string) []sluice.Field {
	dropped := false
	at := len(dst)
	dst = append(dst, sluice.Field{Key: messageField, Value: message})
	if c.ExtractJSON {
		if fields, ok := jsonFields(message); ok {
			dst = appendNamed(dst, c.ExtractJSONPrefix, fields, c.ExtractJSONSuffix)
			dropped = dropped || c.ExtractJSONDropMessage
		}
	}
	if c.kv != nil {
		fields := c.kv.find(message)
		dst = appendNamed(dst, c.ExtractKVPrefix, fields, c.ExtractKVSuffix)
		dropped = dropped || c.ExtractKVDropMessage && len(fields) > 0
	}
	if dropped {
		dst = slices.Delete(dst, at, at+1)
	}
	return dst
}

func appendNamed(dst []sluice.Field, prefix string, fields []sluice.Field, suffix string) []sluice.Field {
	for _, f := range fields {
		dst = append(dst, sluice.Field{Key: prefix + f.Key + suffix, Value: f.Value})
	}
	return dst
}

// appendCaller appends the fields about the code at pc.
func (c *content) appendCaller(dst []sluice.Field, pc uintptr) []sluice.Field {
	if !c.caller || pc == 0 {
		return dst
	}
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	module, function := splitFunction(frame.Function)
	for _, f := range c.Fields {
		value := ""
		switch f {
		case FuncName:
			value = function
		case Module:
			value = module
		case FilePath:
			value = frame.File
		case LineNo:
			value = strconv.Itoa(frame.Line)
		default:
			continue
		}
		dst = append(dst, sluice.Field{Key: c.FieldsPrefix + string(f) + c.FieldsSuffix, Value: value})
	}
	return dst
}

// splitFunction splits "example.com/a/b.(*T).M" into "example.com/a/b" and "(*T).M".
func splitFunction(name string) (module, function string) {
	slash := strings.LastIndexByte(name, '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot < 0 {
		return "", name
	}
	return name[:slash+dot], name[slash+dot+1:]
}
