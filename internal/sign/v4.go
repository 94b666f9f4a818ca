package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strings"
)

const algorithmV4 = "SLS4-HMAC-SHA256"

// SignV4 signs r as clients do: it sets Authorization from the headers that are there. The caller has set x-log-date
// (20060102T150405Z, UTC) and x-log-content-sha256 (lower-case hexadecimal, of the body as sent).
func SignV4(secret, accessKeyID, region string, r *Request) {
	date := value(r.Header, headerLogDate)
	scope := Scope{Date: date[:min(8, len(date))], Region: region}
	signature := digestV4(keyV4(secret, scope), date, scope, first(textsV4(r)))
	r.Header.Set("Authorization", algorithmV4+" Credential="+accessKeyID+"/"+scope.String()+",Signature="+signature)
}

// parseV4 reads "SLS4-HMAC-SHA256 Credential=<id>/<date>/<region>/sls/aliyun_v4_request,Signature=<hex>".
func parseV4(auth string) (Claim, error) {
	rest := strings.TrimPrefix(auth, algorithmV4)
	credential, signature, _ := strings.Cut(rest, ",")
	credential, ok := strings.CutPrefix(strings.TrimSpace(credential), "Credential=")
	signature, signed := strings.CutPrefix(strings.TrimSpace(signature), "Signature=")
	if !ok || !signed {
		return Claim{}, noAccessKey("Authorization is not Credential=...,Signature=...")
	}
	id, text, _ := strings.Cut(credential, "/")
	date, region, _ := strings.Cut(text, "/")
	region, _, _ = strings.Cut(region, "/")
	scope := Scope{Date: date, Region: region}
	if len(date) != 8 || region == "" || text != scope.String() {
		return Claim{}, noAccessKey("the credential is not <access key>/<yyyymmdd>/<region>/sls/aliyun_v4_request")
	}
	return Claim{AccessKeyID: id, Version: V4, Signature: signature, Scope: scope}, nil
}

// keyV4 derives the signing key of a scope.
func keyV4(secret string, s Scope) []byte {
	key := []byte("aliyun_v4" + secret)
	for _, message := range []string{s.Date, s.Region, "sls", "aliyun_v4_request"} {
		key = hmacSHA256(key, message)
	}
	return key
}

func hmacSHA256(key []byte, message string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(message))
	return mac.Sum(nil)
}

// digestV4 signs a canonical request.
func digestV4(key []byte, date string, scope Scope, canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{algorithmV4, date, scope.String(), hex.EncodeToString(sum[:])}, "\n")
	return hex.EncodeToString(hmacSHA256(key, text))
}

// textsV4 returns the canonical requests of reference sls-api 2.4, the most common form first. There is no list of signed
// headers in the request, so the set is rebuilt from the rule that clients follow.
func textsV4(r *Request) iter.Seq[string] {
	query, headers, hosts, paths := queryV4(r.Query), headersV4(r.Header), hosts(r.Host, r.Port), paths(r.Path)
	return func(yield func(string) bool) {
		for _, h := range headers {
			for _, host := range hosts {
				for _, p := range paths {
					if !yield(textV4(r, p, query, host, h)) {
						return
					}
				}
			}
		}
	}
}

func textV4(r *Request, path, query, host string, headers []header) string {
	signed := append([]header{{"host", host}}, headers...)
	sortHeaders(signed)
	names := make([]string, len(signed))
	for i, h := range signed {
		names[i] = h.name
	}
	return strings.Join([]string{
		strings.ToUpper(r.Method), path, query, block(signed), strings.Join(names, ";"), value(r.Header, headerContentSHA256),
	}, "\n")
}

// headersV4 returns the sets of signed headers but host. Python and Go leave object metadata out, Java signs it.
func headersV4(h http.Header) [][]header {
	all := without(headersOf(h), prefixLegacy)
	if contentType := value(h, "Content-Type"); contentType != "" {
		all = append(all, header{"content-type", contentType})
	}
	usual := without(all, prefixMeta)
	if len(usual) == len(all) {
		return [][]header{usual}
	}
	return [][]header{usual, all}
}

// hosts are the forms of the host that clients sign: as received, without the port, and with that of the listener.
func hosts(host, port string) []string {
	forms := []string{host}
	name := host
	if _, got, err := net.SplitHostPort(host); err == nil {
		name = strings.TrimSuffix(host, ":"+got)
		forms = appendNew(forms, name)
	}
	if port != "" {
		forms = appendNew(forms, name+":"+port)
	}
	return forms
}

// queryV4 encodes values, not keys, and writes an empty value as the key alone.
func queryV4(raw string) string {
	return strings.Join(texts(parseQuery(raw), func(p pair) string {
		if p.value == "" {
			return p.key
		}
		return p.key + "=" + strings.ReplaceAll(url.QueryEscape(p.value), "+", "%20")
	}), "&")
}
