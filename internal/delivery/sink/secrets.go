package sink

import (
	"reflect"
	"strconv"
)

// SplitSecrets returns the secrets in the configuration that config points to, by their path in it ("auth.password"), those that are set
// and not the mask.
func SplitSecrets(config any) map[string]string {
	found := map[string]string{}
	walk(reflect.ValueOf(config), "", func(path string, s *Secret) {
		if s.text != "" && s.text != Mask {
			found[path] = s.text
		}
	})
	return found
}

// Unknown returns the path of a mask in config that stands for no secret of these, "" if there is none.
func Unknown(config any, secrets map[string]string) string {
	unknown := ""
	walk(reflect.ValueOf(config), "", func(path string, s *Secret) {
		if _, ok := secrets[path]; s.text == Mask && !ok {
			unknown = max(unknown, path)
		}
	})
	return unknown
}

// JoinSecrets puts secrets back into the places of config that hold the mask; a place whose secret is not among them becomes empty.
func JoinSecrets(config any, secrets map[string]string) {
	walk(reflect.ValueOf(config), "", func(path string, s *Secret) {
		if s.text == Mask {
			s.text = secrets[path]
		}
	})
}

// Masked says whether config holds a mask in the place of a secret.
func Masked(config any) bool {
	masked := false
	walk(reflect.ValueOf(config), "", func(_ string, s *Secret) { masked = masked || s.text == Mask })
	return masked
}

var secretType = reflect.TypeFor[Secret]()

// walk calls fn for every secret that v, a pointer, leads to through structs, pointers, slices and maps of pointers.
func walk(v reflect.Value, path string, fn func(path string, s *Secret)) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			walk(v.Elem(), path, fn)
		}
	case reflect.Struct:
		if v.Type() == secretType {
			if v.CanAddr() {
				fn(path, v.Addr().Interface().(*Secret))
			}
			return
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				walk(v.Field(i), join(path, nameOf(f)), fn)
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			walk(v.Index(i), join(path, strconv.Itoa(i)), fn)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if it.Key().Kind() == reflect.String {
				walkEntry(v, it.Key(), join(path, it.Key().String()), fn)
			}
		}
	}
}

// walkEntry gives fn a copy of a map's value, which cannot be addressed, and puts it back.
func walkEntry(m, key reflect.Value, path string, fn func(path string, s *Secret)) {
	value := reflect.New(m.Type().Elem())
	value.Elem().Set(m.MapIndex(key))
	walk(value, path, fn)
	m.SetMapIndex(key, value.Elem())
}

func join(path, name string) string {
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}

// nameOf is the field's name in JSON; embedded structs have none.
func nameOf(f reflect.StructField) string {
	if f.Anonymous {
		return ""
	}
	tag := f.Tag.Get("json")
	for i := range tag {
		if tag[i] == ',' {
			tag = tag[:i]
			break
		}
	}
	if tag == "" {
		return f.Name
	}
	return tag
}
