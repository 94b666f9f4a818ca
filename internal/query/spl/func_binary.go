package spl

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"strings"
)

// binaryFunctions are those of reference sls-query 3.13 on bytes. Texts are taken as their bytes.
var binaryFunctions = []function{
	{name: "to_utf8", min: 1, max: 1, call: pure(func(a []value) value { return binaryOf(a[0].content()) })},
	{name: "from_utf8", min: 1, max: 2, call: pure(fromUTF8)},
	{name: "to_base64", min: 1, max: 1, call: mapBytes(base64.StdEncoding.EncodeToString)},
	{name: "from_base64", min: 1, max: 1, call: decode(base64.StdEncoding.DecodeString)},
	{name: "to_base64url", min: 1, max: 1, call: mapBytes(base64.URLEncoding.EncodeToString)},
	{name: "from_base64url", min: 1, max: 1, call: decode(base64.URLEncoding.DecodeString)},
	{name: "to_hex", min: 1, max: 1, call: mapBytes(func(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) })},
	{name: "from_hex", min: 1, max: 1, call: decode(hex.DecodeString)},
	{name: "crc32", min: 1, max: 1, call: pure(func(a []value) value {
		return intOf(int64(crc32.ChecksumIEEE([]byte(a[0].content()))))
	})},
	{name: "md5", min: 1, max: 1, call: digest(md5.New)},
	{name: "sha1", min: 1, max: 1, call: digest(sha1.New)},
	{name: "sha256", min: 1, max: 1, call: digest(sha256.New)},
	{name: "sha512", min: 1, max: 1, call: digest(sha512.New)},
	{name: "hmac_md5", min: 2, max: 2, call: keyed(md5.New)},
	{name: "hmac_sha1", min: 2, max: 2, call: keyed(sha1.New)},
	{name: "hmac_sha256", min: 2, max: 2, call: keyed(sha256.New)},
	{name: "hmac_sha512", min: 2, max: 2, call: keyed(sha512.New)},
}

// content returns the bytes of a binary, or of the text that a value is.
func (v value) content() string {
	if v.kind == binaryKind {
		return v.s
	}
	return v.String()
}

// fromUTF8: (bytes[, replacement]); what is no UTF-8 is replaced.
func fromUTF8(a []value) value {
	replacement := "\uFFFD"
	if len(a) > 1 {
		replacement = a[1].String()
		if len(replacement) > len("\U0010FFFF") {
			return null
		}
	}
	return textOf(strings.ToValidUTF8(a[0].content(), replacement))
}

func mapBytes(f func([]byte) string) func(*run, []value) (value, error) {
	return pure(func(a []value) value { return textOf(f([]byte(a[0].content()))) })
}

func decode(f func(string) ([]byte, error)) func(*run, []value) (value, error) {
	return pure(func(a []value) value {
		b, err := f(a[0].content())
		if err != nil {
			return null
		}
		return binaryOf(string(b))
	})
}

func digest(h func() hash.Hash) func(*run, []value) (value, error) {
	return pure(func(a []value) value { return sum(h(), a[0]) })
}

// keyed: (bytes, key)
func keyed(h func() hash.Hash) func(*run, []value) (value, error) {
	return pure(func(a []value) value { return sum(hmac.New(h, []byte(a[1].content())), a[0]) })
}

func sum(h hash.Hash, v value) value {
	h.Write([]byte(v.content())) // never fails
	return binaryOf(string(h.Sum(nil)))
}
