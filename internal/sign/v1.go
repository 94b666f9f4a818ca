package sign

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"hash"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
)

// The values of x-log-signaturemethod.
const (
	methodSHA1   = "hmac-sha1"
	methodSHA256 = "hmac-sha256"
)

// SignV1 signs r as clients do: it sets x-log-signaturemethod and Authorization from the headers that are there. The caller
// has set Date, and Content-MD5 if there is a body.
func SignV1(secret, accessKeyID string, r *Request) {
	r.Header.Set(headerSignatureMethod, methodSHA1)
	r.Header.Set("Authorization", "LOG "+accessKeyID+":"+digestV1(sha1.New, secret, first(textsV1(r))))
}

func parseV1(auth, method string) (Claim, error) {
	id, signature, _ := strings.Cut(strings.TrimPrefix(auth, "LOG "), ":")
	claim := Claim{AccessKeyID: strings.TrimSpace(id), Signature: strings.TrimSpace(signature)}
	switch method {
	case "":
		return Claim{}, sluice.Errorf(sluice.Invalid, "signaturemethod-missing", "header %s is missing", headerSignatureMethod)
	case methodSHA1:
		claim.Version = V1
	case methodSHA256:
		claim.Version = V1SHA256
	default:
		return Claim{}, sluice.Errorf(sluice.Invalid, "signaturemethod", "signature method %.32q is not %s or %s", method, methodSHA1, methodSHA256)
	}
	return claim, nil
}

func digestV1(algorithm func() hash.Hash, secret, text string) string {
	mac := hmac.New(algorithm, []byte(secret))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// textsV1 returns the strings to sign of reference sls-api 2.2, the most common form first.
func textsV1(r *Request) iter.Seq[string] {
	head := strings.Join([]string{
		strings.ToUpper(r.Method),
		value(r.Header, "Content-MD5"),
		value(r.Header, "Content-Type"),
		signedDate(r.Header),
	}, "\n") + "\n"
	headers, paths, queries := headersV1(r.Header), paths(r.Path), queriesV1(r.Query)
	return func(yield func(string) bool) {
		for _, h := range headers {
			for _, p := range paths {
				for _, q := range queries {
					if !yield(head + h + p + q) {
						return
					}
				}
			}
		}
	}
}

// headersV1 returns the blocks of canonical headers: with and without object metadata, and with the legacy prefix read as
// the C++ agent writes it or ignored.
func headersV1(h http.Header) []string {
	all := slices.DeleteFunc(headersOf(h), func(h header) bool { return h.name == headerLogDate })
	plain := without(all, prefixLegacy)
	for i, h := range all {
		if rest, ok := strings.CutPrefix(h.name, prefixLegacy); ok {
			all[i].name = prefixLog + rest
		}
	}
	sortHeaders(all)
	return appendNew([]string{block(plain)}, block(without(plain, prefixMeta)), block(all), block(without(all, prefixMeta)))
}

// queriesV1 returns the forms of the query, each with its '?'. Values are decoded; clients differ in what they sort and in
// how they write an empty value.
func queriesV1(raw string) []string {
	if raw == "" {
		return []string{""}
	}
	pairs := parseQuery(raw)
	if len(pairs) == 0 {
		return []string{"", "?" + raw}
	}
	full := func(p pair) string { return p.key + "=" + p.value }
	byKey := texts(pairs, full)
	whole := slices.Sorted(slices.Values(byKey)) // Node sorts key=value
	emptyAlone := texts(pairs, func(p pair) string {
		if p.value == "" {
			return p.key
		}
		return full(p)
	})
	bareAlone := texts(pairs, func(p pair) string { // the OpenAPI gateway's nil values
		if p.bare {
			return p.key
		}
		return full(p)
	})
	var forms []string
	for _, list := range [][]string{byKey, whole, emptyAlone, bareAlone} {
		forms = appendNew(forms, "?"+strings.Join(list, "&"))
	}
	return appendNew(forms, "?"+raw) // Fluent Bit signs what it sends
}
