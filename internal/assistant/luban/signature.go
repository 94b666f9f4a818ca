package luban

import (
	"crypto"
	"crypto/md5" //nolint:gosec // it is what the client signs with
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Headers of a signed request.
const (
	headerInstance  = "X-Acs-Instance-Id"
	headerStamp     = "X-Acs-Timestamp" // milliseconds since 1970
	headerRequest   = "X-Acs-Request-Id"
	headerSignature = "X-Acs-Signature"
	headerClientIP  = "X-Client-Ip"
)

// maxClockError is how far the clock of a client may be off.
const maxClockError = 5 * time.Minute

const maxHeader = 1 << 10 // of one header, in bytes

// refusal is the answer to a request that is not taken. Its status is above 400: the client takes 400 for success.
type refusal struct {
	status int
	code   string
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, code, format string, args ...any) *refusal {
	return &refusal{status, code, fmt.Sprintf(format, args...)}
}

// errorAnswer is a refusal as the client reads it.
type errorAnswer struct {
	Code    int    `json:"code"`
	ErrCode string `json:"errCode"`
	ErrMsg  string `json:"errMsg"`
}

// handler serves a request of an instance whose signature is good. An error is answered: refusals as they are, others with a status that makes the
// client try again.
type handler func(w http.ResponseWriter, r *request) error

// request is a signed request.
type request struct {
	*http.Request
	host  *host
	ahead time.Duration // of the server's clock from the client's
}

// signed makes an HTTP handler of one for signed requests.
func (g *Gateway) signed(serve handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		in, err := g.verify(r)
		if err == nil {
			err = serve(w, in)
		}
		if err != nil {
			g.fail(w, r, err)
		}
	}
}

// fail answers with an error.
func (g *Gateway) fail(w http.ResponseWriter, r *http.Request, err error) {
	var no *refusal
	if !errors.As(err, &no) {
		g.o.Logger.Warn("a request of an agent failed", "path", r.URL.Path, "instance", clip(r.Header.Get(headerInstance)), "error", err)
		no = refuse(http.StatusServiceUnavailable, "ServiceUnavailable", "the server cannot take this now")
	} else {
		g.o.Logger.Debug("a request of an agent is refused", "path", r.URL.Path, "instance", clip(r.Header.Get(headerInstance)), "remote", r.RemoteAddr, "error", err)
	}
	answer(w, no.status, &errorAnswer{no.status, no.code, no.text})
}

// answer writes JSON.
func answer(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the client is gone
}

// verify finds the instance that a request is of.
func (g *Gateway) verify(r *http.Request) (*request, error) {
	instance, stamp, id, signature := r.Header.Get(headerInstance), r.Header.Get(headerStamp), r.Header.Get(headerRequest), r.Header.Get(headerSignature)
	if instance == "" || stamp == "" || id == "" || signature == "" || len(instance)+len(stamp)+len(id)+len(signature) > maxHeader {
		return nil, refuse(http.StatusForbidden, "MissingSignature", "the request is not signed, or its signature is too long: only registered instances are served")
	}
	h := g.host(instance)
	if h == nil {
		return nil, refuse(http.StatusForbidden, "InstanceNotFound", "there is no such instance: register again")
	}
	raw, err := base64.StdEncoding.DecodeString(signature)
	sum := md5.Sum([]byte(instance + h.machineID + stamp + id)) //nolint:gosec // as above
	if err != nil || rsa.VerifyPKCS1v15(h.key, crypto.MD5, sum[:], raw) != nil {
		return nil, refuse(http.StatusForbidden, "SignatureDoesNotMatch", "the signature is not of the key that was registered, on the machine that was")
	}
	ms, err := strconv.ParseInt(stamp, 10, 64)
	now := g.o.Now()
	ahead := now.Sub(time.UnixMilli(ms))
	if err != nil || ahead.Abs() > maxClockError {
		return nil, refuse(http.StatusForbidden, "InvalidTimestamp", "the request's time is more than %v from the server's, %s: set the machine's clock", maxClockError, now.UTC().Format(time.RFC3339))
	}
	if !g.replays.first(instance, id, now) {
		return nil, refuse(http.StatusForbidden, "RequestReplayed", "a request with this id was here already")
	}
	if !h.spend(now) {
		return nil, refuse(http.StatusTooManyRequests, "Throttling", "the instance sends too many requests")
	}
	return &request{Request: r, host: h, ahead: ahead}, nil
}

// host is what is known of an instance here; nil if there is none.
func (g *Gateway) host(instance string) *host {
	key, machine, ok := g.s.SigningInstance(instance)
	g.mu.Lock()
	defer g.mu.Unlock()
	if !ok {
		delete(g.hosts, instance)
		return nil
	}
	h := g.hosts[instance]
	if h == nil {
		public, err := parseKey(key)
		if err != nil {
			g.o.Logger.Error("the key of an instance cannot be read", "instance", instance, "error", err)
			return nil
		}
		h = newHost(instance, machine, public)
		g.hosts[instance] = h
	}
	return h
}

// Sizes of RSA keys, in bits.
const minKey, maxKey = 2048, 8192

func parseKey(der []byte) (*rsa.PublicKey, error) {
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < minKey || key.N.BitLen() > maxKey {
		return nil, fmt.Errorf("the key is not RSA of %d to %d bits", minKey, maxKey)
	}
	return key, nil
}

// clip cuts what is from outside for the log.
func clip(text string) string {
	const most = 100
	if len(text) > most {
		text = text[:most]
	}
	return strings.ToValidUTF8(text, "?")
}

// remote is the address that a request comes from; the zero Addr if that is not known.
func remote(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

// version is the client's, as it says in each request: User-Agent linux_amd64/2.2.3.578.
func version(r *http.Request) string {
	_, v, _ := strings.Cut(r.UserAgent(), "/")
	if len(v) > maxText {
		return ""
	}
	return strings.ToValidUTF8(v, "")
}
