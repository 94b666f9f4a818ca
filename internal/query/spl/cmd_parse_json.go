package spl

// parseJSON sets fields to the members of a JSON object, of the first level only: nested ones stay JSON text. What is no JSON
// object is left alone, and so are fields for which there is null.
type parseJSON struct {
	field    string
	path     jsonPath
	prefix   string
	preserve bool
}

// parseParseJSON: parse-json [-mode='overwrite'|'preserve'] [-path='$.x'] [-prefix='p_'] field
func parseParseJSON(p *parser) command {
	o := p.options(map[string]string{"mode": textOption, "prefix": textOption, "path": textOption})
	return &parseJSON{path: o.path(), prefix: o.text("", "prefix"), preserve: o.preserve(), field: p.name()}
}

func (c *parseJSON) start(rt *run, next sink) sink { return rowSink{c, rt, next} }

func (c *parseJSON) apply(rt *run, r *row) (bool, error) {
	object, ok := r.json(c.field, c.path)
	if !ok || !isObject(object) {
		return true, nil
	}
	var err error
	members(object, func(key, val string) bool {
		if len(r.cells) > 2*rt.RowFields { // far too many, and no use in going on
			err = rt.check(r)
		}
		r.extract(c.prefix+key, jsonText(val), c.preserve)
		return err == nil
	})
	return true, err
}

// json returns what a path leads to in a field that is JSON.
func (r *row) json(field string, path jsonPath) (string, bool) {
	text, ok := r.text(field)
	if !ok {
		return "", false
	}
	if text, ok = validJSON(text); !ok {
		return "", false
	}
	return path.find(text)
}
