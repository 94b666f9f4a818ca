package auth

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// Claimed is what a request says of its signature, true or not: the id of the access key, and the method under the name that audit events have for it.
// Both are "" for a request that is not signed. params are those of the query and the form, where those may sign; nil else.
func Claimed(r *http.Request, params url.Values) (accessKey, method string) {
	header := r.Header.Get("Authorization")
	scheme, rest, _ := strings.Cut(header, " ")
	switch {
	case scheme == "LOG":
		accessKey, _, _ = strings.Cut(rest, ":")
		method = "LOG-" + strings.ToUpper(r.Header.Get("X-Log-Signaturemethod"))
		if method != "LOG-HMAC-SHA1" && method != "LOG-HMAC-SHA256" {
			method = "LOG"
		}
	case scheme == "MNS":
		accessKey, _, _ = strings.Cut(rest, ":")
		method = "MNS-HMAC-SHA1"
	case strings.HasPrefix(scheme, "LOG4-"), strings.HasPrefix(scheme, "SLS4-"), strings.HasPrefix(scheme, "ACS3-"), strings.HasPrefix(scheme, "AWS4-"):
		accessKey, method = credential(rest), scheme
		if strings.HasPrefix(scheme, "AWS4-") {
			method = "SigV4"
		}
	case params.Get("AccessKeyId") != "":
		accessKey, method = params.Get("AccessKeyId"), "RPC-HMAC-SHA1"
	}
	const most = 128 // no key has a longer id
	return strings.ToValidUTF8(accessKey[:min(len(accessKey), most)], "\uFFFD"), method[:min(len(method), 32)]
}

// credential is the access key of the part Credential=KEY/scope of an Authorization header.
func credential(parts string) string {
	for part := range strings.SplitSeq(parts, ",") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(part), "Credential="); ok {
			id, _, _ := strings.Cut(value, "/")
			return id
		}
	}
	return ""
}

// AccountOf is the id of the account whose a project is; "" if there is no such project, or it cannot be told.
func (k *Keys) AccountOf(ctx context.Context, project string) string {
	found, exists, err := k.owner(ctx, project)
	if err != nil || !exists {
		return ""
	}
	return found.account
}
