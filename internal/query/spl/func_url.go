package spl

import (
	"net/url"
	"regexp"
	"strings"
)

// urlFunctions are those of reference sls-query 3.13. They take URLs apart as written, without asking whether they are good ones.
var urlFunctions = []function{
	{name: "url_encode", min: 1, max: 1, call: mapText(url.QueryEscape)},
	{name: "url_decode", min: 1, max: 1, call: pure(func(a []value) value { return urlDecode(a[0].String()) })},
	{name: "url_extract_protocol", min: 1, max: 1, call: urlPart(`^([a-zA-Z][a-zA-Z0-9+.-]*):`)},
	{name: "url_extract_host", min: 1, max: 1, call: urlPart(`^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#]*@)?([^/?#:]*)`)},
	{name: "url_extract_path", min: 1, max: 1, call: urlPart(`^(?:[^:/?#]+:)?(?://[^/?#]*)?([^?#]*)`)},
	{name: "url_extract_query", min: 1, max: 1, call: urlPart(`^[^?#]*\?([^#]*)`)},
	{name: "url_extract_fragment", min: 1, max: 1, call: urlPart(`#(.*)$`)},
	{name: "url_extract_port", min: 1, max: 1, call: func(rt *run, a []value) (value, error) {
		port, err := urlPort(rt, a)
		if n, ok := port.integer(); ok && err == nil {
			return intOf(n), nil
		}
		return null, err
	}},
	{name: "url_extract_parameter", min: 2, max: 2, call: pure(urlParameter)},
}

var urlPort = urlPart(`^[^:/?#]+://(?:[^/?#@]*@)?[^/?#:]*:(\d+)`)

// urlPart makes a function that returns the first group of a pattern.
func urlPart(pattern string) func(*run, []value) (value, error) {
	re := regexp.MustCompile(pattern)
	return pure(func(a []value) value {
		m := re.FindStringSubmatch(a[0].String())
		if m == nil {
			return null
		}
		return textOf(m[1])
	})
}

func urlDecode(s string) value {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return null
	}
	return textOf(plain)
}

// urlParameter: (url, name); the first of that name, NULL if it is empty.
func urlParameter(a []value) value {
	_, query, _ := strings.Cut(a[0].String(), "?")
	query, _, _ = strings.Cut(query, "#")
	for pair := range strings.SplitSeq(query, "&") {
		if name, val, _ := strings.Cut(pair, "="); name == a[1].String() && val != "" {
			return urlDecode(val)
		}
	}
	return null
}
