package auth

import (
	"net/http"
	"strconv"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/sign"
)

// AuthenticateAWS returns who signed a request of a client of AWS for a service, body included (reference audit 1.6). The region of its scope is not looked
// at: clients are set to whatever their users are used to.
//
// Errors are those of [sign.ParseAWS] and, beside the kind, these nouns:
//
//	Invalid       "service"               signed for another service
//	Invalid       "requesttime-expired"   the date is too far from the server's
//	Unauthorized  "accesskey", "signature", "accesskey-disabled", "token", "token-expired"
func (a *Authenticator) AuthenticateAWS(r *http.Request, body []byte, service string) (*Principal, error) {
	signed := signedPart(r)
	signed.Length = strconv.FormatInt(r.ContentLength, 10)
	claim, err := sign.ParseAWS(signed)
	if err != nil {
		return nil, err
	}
	if claim.Service != service {
		return nil, sluice.Errorf(sluice.Invalid, "service", "the credential is scoped to service %.40q, not to %s", claim.Service, service)
	}
	return a.verify(r, claim.AccessKeyID, claim.Date, claim.Token, func(secret string) bool { return claim.Verify(secret, signed, body) })
}
