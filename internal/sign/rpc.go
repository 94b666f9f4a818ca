package sign

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/url"
	"slices"

	"github.com/sluicelog/sluice"
)

// methodRPC is the one method of the old signature that clients still use.
const methodRPC = "HMAC-SHA1"

// HasRPC reports whether the query, or the form of a POST, carries a signature that ParseRPC reads.
func HasRPC(params url.Values) bool {
	return params.Get("Signature") != "" || params.Get("AccessKeyId") != ""
}

// ParseRPC reads the signature among params, which are those of the query and of the form together. It covers all of them, so there is no
// promise about the body beside it. Errors are as those of [ParseACS3].
func ParseRPC(method string, params url.Values) (*ACS, error) {
	c := &ACS{
		AccessKeyID: params.Get("AccessKeyId"), signature: params.Get("Signature"),
		Token: params.Get("SecurityToken"), Nonce: params.Get("SignatureNonce"),
	}
	if m := params.Get("SignatureMethod"); m != methodRPC {
		return nil, sluice.Errorf(sluice.Invalid, "signaturemethod", "signature method %.32q is not %s", m, methodRPC)
	}
	if c.AccessKeyID == "" || len(c.AccessKeyID) > maxAccessKeyID || c.signature == "" || c.Nonce == "" {
		return nil, incomplete("AccessKeyId, Signature and SignatureNonce must not be empty")
	}
	if params.Get("Action") == "" || params.Get("Version") == "" { // or somebody else could choose them, in headers
		return nil, incomplete("Action and Version must be among the parameters")
	}
	for name, values := range params {
		if len(values) > 1 { // which one would be meant?
			return nil, sluice.Errorf(sluice.Invalid, "signature-incomplete", "parameter %.64q stands there %d times", name, len(values))
		}
	}
	var err error
	if c.Date, err = dateOfACS(params.Get("Timestamp")); err != nil {
		return nil, err
	}
	c.text = func(secret string) string { return digestRPC(secret, textRPC(method, params)) }
	return c, nil
}

// textRPC is the string to sign.
func textRPC(method string, params url.Values) string {
	var pairs []pair
	for name, values := range params {
		if name != "Signature" && len(values) > 0 {
			pairs = append(pairs, pair{key: name, value: values[0]})
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(a.key, b.key) })
	return method + "&%2F&" + escapeACS(queryACS(pairs))
}

func digestRPC(secret, text string) string {
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// SignRPC signs params as clients do: it sets SignatureMethod, SignatureVersion, AccessKeyId and Signature. The caller has set Action, Version,
// Timestamp, SignatureNonce, and with a temporary key SecurityToken.
func SignRPC(secret, accessKeyID, method string, params url.Values) {
	params.Set("SignatureMethod", methodRPC)
	params.Set("SignatureVersion", "1.0")
	params.Set("AccessKeyId", accessKeyID)
	params.Set("Signature", digestRPC(secret, textRPC(method, params)))
}
