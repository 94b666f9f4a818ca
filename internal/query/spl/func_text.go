package spl

import (
	"encoding/base64"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// textFunctions are those of reference sls-query 3.6.
var textFunctions = []function{
	{name: "concat", min: 1, max: many, call: join},
	{name: "length", min: 1, max: 1, call: pure(length)},
	{name: "lower", min: 1, max: 1, call: mapText(strings.ToLower)},
	{name: "upper", min: 1, max: 1, call: mapText(strings.ToUpper)},
	{name: "trim", min: 1, max: 2, call: trim(strings.Trim)},
	{name: "ltrim", min: 1, max: 2, call: trim(strings.TrimLeft)},
	{name: "rtrim", min: 1, max: 2, call: trim(strings.TrimRight)},
	{name: "lpad", min: 3, max: 3, call: pad(func(s, fill string) string { return fill + s })},
	{name: "rpad", min: 3, max: 3, call: pad(func(s, fill string) string { return s + fill })},
	{name: "replace", min: 2, max: 3, call: replace},
	{name: "repeat", min: 2, max: 2, call: repeat},
	{name: "reverse", min: 1, max: 1, call: pure(reverse)},
	{name: "substr substring", min: 2, max: 3, call: pure(substr)},
	{name: "strpos", min: 2, max: 3, call: pure(strpos)},
	{name: "strrpos", min: 2, max: 3, call: pure(strrpos)},
	{name: "starts_with", min: 2, max: 2, call: pure(func(a []value) value {
		return boolOf(strings.HasPrefix(a[0].String(), a[1].String()))
	})},
	{name: "ends_with", min: 2, max: 2, call: pure(func(a []value) value {
		return boolOf(strings.HasSuffix(a[0].String(), a[1].String()))
	})},
	{name: "split", min: 2, max: 3, call: split},
	{name: "split_part", min: 3, max: 3, call: pure(splitPart)},
	{name: "split_to_map", min: 3, max: 3, call: splitToMap},
	{name: "chr", min: 1, max: 1, call: pure(chr)},
	{name: "codepoint", min: 1, max: 1, call: pure(codepoint)},
	{name: "levenshtein_distance", min: 2, max: 2, call: levenshtein},
	{name: "hamming_distance", min: 2, max: 2, call: pure(hamming)},
	{name: "base64_encode", min: 1, max: 1, call: mapText(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) })},
	{name: "base64_decode", min: 1, max: 1, call: pure(func(a []value) value {
		b, err := base64.StdEncoding.DecodeString(a[0].String())
		if err != nil || !utf8.Valid(b) {
			return null
		}
		return textOf(string(b))
	})},
}

// mapText makes a function of one on texts whose result is not much longer.
func mapText(f func(string) string) func(*run, []value) (value, error) {
	return pure(func(a []value) value { return textOf(f(a[0].String())) })
}

// length counts characters, of binaries bytes.
func length(a []value) value {
	if a[0].kind == binaryKind {
		return intOf(int64(len(a[0].s)))
	}
	return intOf(int64(utf8.RuneCountInString(a[0].String())))
}

func trim(f func(s, cutset string) string) func(*run, []value) (value, error) {
	return pure(func(a []value) value {
		chars := " \t\r\n\v\f"
		if len(a) > 1 {
			chars = a[1].String()
		}
		return textOf(f(a[0].String(), chars))
	})
}

// pad fills a text up to a number of characters, or cuts it there.
func pad(join func(s, fill string) string) func(*run, []value) (value, error) {
	return func(rt *run, a []value) (value, error) {
		s, size, fill := a[0].String(), utf8.RuneCountInString(a[0].String()), []rune(a[2].String())
		n, ok := a[1].integer()
		if !ok || n < 0 || len(fill) == 0 {
			return null, nil
		}
		if n <= int64(size) {
			return textOf(runesOf(s, 0, int(n))), nil
		}
		if n > int64(rt.RowBytes) {
			return null, rt.fits(math.MaxInt)
		}
		missing := int(n) - size
		var b strings.Builder
		for i := range missing {
			b.WriteRune(fill[i%len(fill)])
		}
		if err := rt.fits(b.Len() + len(s)); err != nil {
			return null, err
		}
		return textOf(join(s, b.String())), nil
	}
}

// runesOf returns n characters of s from the given one on.
func runesOf(s string, from, n int) string {
	for ; from > 0 && s != ""; from-- {
		_, size := utf8.DecodeRuneInString(s)
		s = s[size:]
	}
	end := 0
	for ; n > 0 && end < len(s); n-- {
		_, size := utf8.DecodeRuneInString(s[end:])
		end += size
	}
	return s[:end]
}

// replace: (text, old[, new])
func replace(rt *run, a []value) (value, error) {
	s, old, with := a[0].String(), a[1].String(), ""
	if len(a) > 2 {
		with = a[2].String()
	}
	if grows := len(with) - len(old); grows > 0 {
		if err := rt.fits(len(s) + strings.Count(s, old)*grows); err != nil {
			return null, err
		}
	}
	return textOf(strings.ReplaceAll(s, old, with)), nil
}

func repeat(rt *run, a []value) (value, error) {
	s := a[0].String()
	n, ok := a[1].integer()
	if !ok || n < 0 {
		return null, nil
	}
	if s == "" {
		return a[0], nil
	}
	if n > int64(rt.RowBytes/len(s)) {
		return null, rt.fits(math.MaxInt)
	}
	return textOf(strings.Repeat(s, int(n))), nil
}

// reverse turns the characters of a text around, or the elements of a list.
func reverse(a []value) value {
	if a[0].kind == listKind {
		all := slices.Clone(a[0].list())
		slices.Reverse(all)
		return listOf(all)
	}
	runes := []rune(a[0].String())
	slices.Reverse(runes)
	return textOf(string(runes))
}

// substr: (text, start[, length]); start counts from 1, or from the end if negative.
func substr(a []value) value {
	s := a[0].String()
	start, ok := a[1].integer()
	n, ok2 := optionalInt(a, 2, int64(len(s)))
	size := int64(utf8.RuneCountInString(s))
	switch {
	case !ok || !ok2:
		return null
	case start < 0:
		start += size + 1
	}
	if start <= 0 || start > size || n <= 0 {
		return textOf("")
	}
	return textOf(runesOf(s, int(start-1), int(min(n, size))))
}

// strpos: (text, part[, n]); where the n-th part begins, counted from 1, or 0.
func strpos(a []value) value {
	s, part := a[0].String(), a[1].String()
	n, ok := optionalInt(a, 2, 1)
	if !ok || n < 1 {
		return null
	}
	at := 0
	for ; ; n-- {
		i := strings.Index(s[at:], part)
		if i < 0 {
			return intOf(0)
		}
		at += i
		if n == 1 {
			return intOf(int64(utf8.RuneCountInString(s[:at])) + 1)
		}
		_, size := utf8.DecodeRuneInString(s[at:])
		if size == 0 {
			return intOf(0)
		}
		at += size
	}
}

// strrpos is strpos counted from the end; the place is still one from the beginning.
func strrpos(a []value) value {
	s, part := a[0].String(), a[1].String()
	n, ok := optionalInt(a, 2, 1)
	if !ok || n < 1 {
		return null
	}
	end := len(s)
	for ; ; n-- {
		i := strings.LastIndex(s[:end], part)
		if i < 0 {
			return intOf(0)
		}
		if n == 1 {
			return intOf(int64(utf8.RuneCountInString(s[:i])) + 1)
		}
		if end = i + len(part) - 1; end < 0 {
			return intOf(0)
		}
	}
}

// split: (text, delimiter[, n]); at most n parts, of which the last keeps the rest.
func split(rt *run, a []value) (value, error) {
	s, delim := a[0].String(), a[1].String()
	n, ok := optionalInt(a, 2, maxElements+1)
	if !ok || n < 1 || delim == "" {
		return null, nil
	}
	return texts(rt, strings.SplitN(s, delim, int(min(n, maxElements+1))))
}

// texts makes a list.
func texts(rt *run, parts []string) (value, error) {
	all := make([]value, len(parts))
	for i, part := range parts {
		all[i] = textOf(part)
	}
	return listOf(all), rt.elements(len(all))
}

// splitPart: (text, delimiter, i); NULL if there is no such part.
func splitPart(a []value) value {
	s, delim := a[0].String(), a[1].String()
	i, ok := a[2].integer()
	if !ok || i < 1 || delim == "" {
		return null
	}
	for found := true; found; i-- {
		var part string
		part, s, found = strings.Cut(s, delim)
		if i == 1 {
			return textOf(part)
		}
	}
	return null
}

// splitToMap: (text, delimiter of pairs, separator of key and value)
func splitToMap(rt *run, a []value) (value, error) {
	pairs, sep := a[1].String(), a[2].String()
	if pairs == "" || sep == "" {
		return null, nil
	}
	parts := strings.SplitN(a[0].String(), pairs, maxElements+1)
	if err := rt.elements(len(parts)); err != nil {
		return null, err
	}
	d := newDict(len(parts))
	for _, part := range parts {
		if key, val, ok := strings.Cut(part, sep); ok {
			d.set(textOf(key), textOf(val))
		}
	}
	return dictOf(d), nil
}

func chr(a []value) value {
	n, ok := a[0].integer()
	if !ok || n < 0 || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return null
	}
	return textOf(string(rune(n)))
}

func codepoint(a []value) value {
	r, size := utf8.DecodeRuneInString(a[0].String())
	if size == 0 || size != len(a[0].String()) {
		return null
	}
	return intOf(int64(r))
}

// levenshtein counts the changes that make one text of the other; what that costs grows with both lengths.
func levenshtein(rt *run, args []value) (value, error) {
	a, b := []rune(args[0].String()), []rune(args[1].String())
	if err := rt.spend(len(a) * len(b) / 8); err != nil {
		return null, err
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			change := diagonal
			if x != y {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return intOf(int64(row[len(b)])), nil
}

// hamming counts the characters that differ; NULL for texts of different lengths.
func hamming(args []value) value {
	a, b := []rune(args[0].String()), []rune(args[1].String())
	if len(a) != len(b) {
		return null
	}
	n := int64(0)
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return intOf(n)
}
