package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// hinted is an error with what to do about it.
type hinted struct {
	error
	hint string
}

func (e *hinted) Unwrap() error { return e.error }

// silent is a failure that has been told already; only the exit code is left to say.
type silent struct{ error }

// fail tells what went wrong and what to do next, and returns the exit code.
func (a *app) fail(ctx context.Context, err error) int {
	a.err.ClearStatus()
	var own *exitCode
	if errors.As(err, &own) {
		a.fail(ctx, own.error)
		return own.code
	}
	var told *silent
	if errors.As(err, &told) {
		return exitFailed
	}
	if ctx.Err() != nil {
		a.note("interrupted")
		var h *hinted
		if errors.As(err, &h) {
			a.note("%s", tty.VisibleLines(h.hint))
		}
		return exitFailed
	}
	if errors.Is(err, syscall.EPIPE) { // the reader, such as head, has enough
		return exitOK
	}
	var use *usageError
	if errors.As(err, &use) {
		a.note("%s %s", a.err.Red("error:"), tty.VisibleLines(err.Error()))
		a.note("See: %s --help", use.command)
		return exitMisused
	}
	var part *incomplete
	if errors.As(err, &part) {
		a.note("%s %s", a.err.Yellow("warning:"), tty.VisibleLines(err.Error()))
		return exitIncomplete
	}
	what, next := explain(err)
	a.note("%s %s", a.err.Red("error:"), what)
	if next != "" {
		a.note("%s", next)
	}
	return exitFailed
}

// explain turns an error into what went wrong and what to do next, as far as that is known, fit for a terminal.
func explain(err error) (what, next string) {
	what, next = explained(err)
	return tty.VisibleLines(what), tty.VisibleLines(next)
}

func explained(err error) (what, next string) {
	var h *hinted
	if errors.As(err, &h) {
		what, _ = explained(h.error)
		return what, h.hint
	}
	var refused *client.Error
	if errors.As(err, &refused) {
		return explainRefusal(refused)
	}
	var unset *unsetError
	if errors.As(err, &unset) {
		return err.Error(), "Name it in a profile:  sluice profile set local --endpoint http://127.0.0.1:8080 --access-key-id ID\n" +
			"or in the environment: " + strings.Join([]string{envEndpoint, envAccessKeyID, envSecret}, ", ")
	}
	return explainNetwork(err)
}

// trustIt is what to do about a certificate that is not accepted.
const trustIt = "Use the name that the certificate is for; or have this machine trust who signed it: SSL_CERT_FILE names a file of certificates to trust"

// resolveIt is what to do about a name that does not resolve.
func resolveIt(name string) string {
	if strings.HasSuffix(name, ".localhost") {
		return "Names under localhost resolve on some machines only: name 127.0.0.1 in the endpoint, or add the name to /etc/hosts."
	}
	return "Check the endpoint; it is the server's own name or address, without a project in front. Or add the name to DNS or to /etc/hosts."
}

// wantsTLS reports whether an answer is what servers that speak TLS say to those who do not.
func wantsTLS(answer string) bool { return strings.Contains(answer, "HTTP request to an HTTPS server") }

func explainNetwork(err error) (what, next string) {
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var untrusted *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing answers at the endpoint: " + err.Error(),
			"Is the server running? `make run` starts one here; --endpoint, SLUICE_ENDPOINT or a profile name another."
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s of the endpoint does not resolve: %v", dns.Name, err), resolveIt(dns.Name)
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "the server does not speak TLS: " + err.Error(), "Use http:// in the endpoint."
	case errors.As(err, &untrusted):
		return "the server's certificate is not accepted: " + err.Error(), trustIt + ". More: sluice doctor"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time: " + err.Error(), "Check that the endpoint can be reached from here: sluice status"
	}
	return err.Error(), ""
}

func explainRefusal(e *client.Error) (what, next string) {
	what = e.Message
	if e.Code != "" {
		what = e.Message + " (" + e.Code + ")"
	}
	switch e.Code {
	case "":
		if wantsTLS(e.Message) {
			return "the server speaks TLS", "Use https:// in the endpoint."
		}
		return fmt.Sprintf("the endpoint answers with status %d: %s", e.Status, e.Message), "Check the endpoint: is it a Sluice server?"
	case "SignatureNotMatch", "SignatureDoesNotMatch":
		return "the access key secret is wrong: " + what, "Check the secret, or set it again: sluice profile set NAME --access-key-id ID"
	case "RequestTimeExpired", "RequestTimeTooSkewed", "InvalidTimeStamp.Expired", "TimeExpired":
		return what, skewed(e.Date)
	case "SecurityTokenExpired", "SecurityToken.Expired", "InvalidSecurityToken.Expired":
		return what, "Temporary credentials end. Get others: sluice iam assume-role ARN, or of a root key sluice key create --expires 1h"
	case "InvalidSecurityToken", "InvalidSecurityToken.Malformed":
		return what, "Access key, secret and token belong together, as one answer gave them; a permanent key has no token."
	case "InvalidAccessKeyId", "InvalidAccessKeyId.NotFound", "InvalidAccessKeyId.Inactive", "Unauthorized", "Forbidden.RAM", "AccessDenied":
		return what, unauthorized(e)
	case "InvalidCursor":
		return what, "The logs there have expired or were never written. Start at --from begin, or at a time."
	case "LogStoreAlreadyExist", "ProjectAlreadyExist", "ConsumerGroupAlreadyExist":
		return what, ""
	case "InternalServerError":
		return what, "The server's log says more, under request id " + e.RequestID
	}
	if e.Temporary() {
		return what, "The server asks to try later."
	}
	return what, ""
}

func skewed(server time.Time) string {
	ours := time.Now()
	if server.IsZero() {
		return "Set this machine's clock: the server accepts 15 minutes of difference."
	}
	difference := ours.Sub(server).Round(time.Second)
	direction := "ahead of"
	if difference < 0 {
		difference, direction = -difference, "behind"
	}
	return fmt.Sprintf("This machine's clock (%s) is %s %s the server's. Set it: the server accepts 15 minutes.",
		ours.Format(time.RFC3339), difference, direction)
}

// denied reports whether the server knows who asked, and says no to what.
func denied(err error) bool {
	var e *client.Error
	return errors.As(err, &e) && strings.HasPrefix(e.Message, "denied ")
}

func unauthorized(e *client.Error) string {
	if denied(e) {
		return "The access key is valid and may not do this. Whose it is: sluice iam whoami. Why: sluice iam can USER ACTION RESOURCE, or sluice key show ID"
	}
	return "Check the access key id. Keys may have been disabled, deleted or have expired: a root key can tell with sluice key list"
}
