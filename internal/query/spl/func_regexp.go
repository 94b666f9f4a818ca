package spl

import (
	"regexp"
	"strings"
)

// regexpFunctions are those of reference sls-query 3.9. A pattern that comes from a field and is none gives NULL.
var regexpFunctions = []function{
	{name: "regexp_like", min: 2, max: 2, pattern: 2, call: withRegexp(func(_ *run, re *regexp.Regexp, a []value) (value, error) {
		return boolOf(re.MatchString(a[0].String())), nil
	})},
	{name: "regexp_extract", min: 2, max: 3, pattern: 2, call: withRegexp(regexpExtract)},
	{name: "regexp_extract_bool", min: 2, max: 3, pattern: 2, call: withRegexp(regexpExtractAs(boolKind))},
	{name: "regexp_extract_long", min: 2, max: 3, pattern: 2, call: withRegexp(regexpExtractAs(intKind))},
	{name: "regexp_extract_double", min: 2, max: 3, pattern: 2, call: withRegexp(regexpExtractAs(doubleKind))},
	{name: "regexp_extract_all", min: 2, max: 3, pattern: 2, call: withRegexp(regexpExtractAll)},
	{name: "regexp_replace", min: 2, max: 3, pattern: 2, call: withRegexp(regexpReplace)},
	{name: "regexp_split", min: 2, max: 2, pattern: 2, call: withRegexp(func(rt *run, re *regexp.Regexp, a []value) (value, error) {
		return texts(rt, re.Split(a[0].String(), maxElements+1))
	})},
}

func withRegexp(f func(rt *run, re *regexp.Regexp, a []value) (value, error)) func(*run, []value) (value, error) {
	return func(rt *run, a []value) (value, error) {
		re := rt.regexp(a[1].String())
		if re == nil {
			return null, nil
		}
		const bytesPerStep = 16 // a match is slower than most of what functions do
		if err := rt.spend(len(a[0].s) / bytesPerStep); err != nil {
			return null, err
		}
		return f(rt, re, a)
	}
}

// findAll finds all matches, if their places do not take too much memory.
func findAll(re *regexp.Regexp, s string) ([][]int, error) {
	const maxWords = 4 << 20
	most := maxWords / (2*re.NumSubexp() + 5)
	found := re.FindAllStringSubmatchIndex(s, most+1)
	if len(found) > most {
		return nil, rowError("the expression matches more than %d times", most)
	}
	return found, nil
}

// regexpExtract: (text, pattern[, group]); what the first match has in that group, NULL for none.
func regexpExtract(_ *run, re *regexp.Regexp, a []value) (value, error) {
	group, ok := optionalInt(a, 2, 0)
	if !ok || group < 0 || group > int64(re.NumSubexp()) {
		return null, nil
	}
	s := a[0].String()
	m := re.FindStringSubmatchIndex(s)
	if m == nil || m[2*group] < 0 {
		return null, nil
	}
	return textOf(s[m[2*group]:m[2*group+1]]), nil
}

func regexpExtractAs(to kind) func(*run, *regexp.Regexp, []value) (value, error) {
	return func(rt *run, re *regexp.Regexp, a []value) (value, error) {
		v, err := regexpExtract(rt, re, a)
		if err != nil {
			return null, err
		}
		return castTo(rt, v, castType{kind: to})
	}
}

func regexpExtractAll(rt *run, re *regexp.Regexp, a []value) (value, error) {
	group, ok := optionalInt(a, 2, 0)
	if !ok || group < 0 || group > int64(re.NumSubexp()) {
		return null, nil
	}
	s := a[0].String()
	found, err := findAll(re, s)
	if err != nil {
		return null, err
	}
	all := make([]value, len(found))
	for i, m := range found {
		if m[2*group] >= 0 {
			all[i] = textOf(s[m[2*group]:m[2*group+1]])
		}
	}
	return listOf(all), rt.elements(len(all))
}

// regexpReplace: (text, pattern[, replacement]); $1 and ${name} are groups, \ makes the next character plain.
func regexpReplace(rt *run, re *regexp.Regexp, a []value) (value, error) {
	s, template := a[0].String(), ""
	if len(a) > 2 {
		template = goTemplate(a[2].String())
	}
	found, err := findAll(re, s)
	if err != nil {
		return null, err
	}
	var b []byte
	end := 0
	for _, m := range found {
		b = append(b, s[end:m[0]]...)
		b = re.ExpandString(b, template, s, m)
		end = m[1]
		if err := rt.fits(len(b)); err != nil {
			return null, err
		}
	}
	return textOf(string(append(b, s[end:]...))), nil
}

// goTemplate rewrites a replacement for package regexp, where $1a is a group called 1a.
func goTemplate(s string) string {
	if !strings.ContainsAny(s, `$\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		n := 0
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			if s[i] == '$' {
				b.WriteByte('$')
			}
			b.WriteByte(s[i])
			continue
		case s[i] == '$':
			n = digits(s[i+1:], 2, "0123456789")
		}
		b.WriteByte(s[i])
		if n > 0 {
			b.WriteString("{" + s[i+1:i+1+n] + "}")
			i += n
		}
	}
	return b.String()
}
