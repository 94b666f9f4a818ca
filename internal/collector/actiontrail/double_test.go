package actiontrail_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// double is a LookupEvents that behaves as badly as the real one may: it pages in odd sizes, repeats events, shows them late, leaves some out of the first
// walk that comes by, forgets page tokens, throttles, fails, changes schemas, and has a clock of its own.
type double struct {
	secret string
	skew   time.Duration // its clock is ahead of the host's
	bad    bool

	mu        sync.Mutex // guards what is below
	r         *rand.Rand
	events    []*happened
	tokens    map[string]cursor
	requests  []time.Time // that were not refused for their number
	throttled int
}

// happened is an event. It can be found from visible on, and by the walks behind the first that should have found it where it is shy.
type happened struct {
	id      string
	at      time.Time
	visible time.Time
	shy     bool
	text    string
}

type cursor struct {
	params string
	left   []*happened
	gives  int // how often it may be used; then it has expired
}

func (d *double) now() time.Time { return time.Now().Add(d.skew).UTC() }

// add makes an event happen. Every fifth has no version, every seventh no id, some are late.
func (d *double) add(n int, at time.Time) {
	e := &happened{id: fmt.Sprintf("e-%d", n), at: at, visible: at.Add(time.Duration(d.r.IntN(300)) * time.Second)}
	members := []string{fmt.Sprintf(`"eventTime":%q`, at.Format("2006-01-02T15:04:05Z")), fmt.Sprintf(`"number":%d`, n), `"userIdentity":{"type":"ram-user"}`}
	if n%7 != 0 {
		members = append(members, fmt.Sprintf(`"eventId":%q`, e.id))
	}
	switch n % 5 {
	case 0:
	case 1:
		members = append(members, `"eventVersion":"1"`)
	default:
		members = append(members, `"eventVersion": 1`)
	}
	switch {
	case !d.bad:
	case d.r.IntN(10) == 0: // there are two looks, and it is seen by the second
		e.visible = at.Add(15 * time.Minute)
	case d.r.IntN(10) == 0:
		e.shy = true
	}
	e.text = "{" + strings.Join(members, ",") + "}"
	d.events = append(d.events, e)
}

// RoundTrip answers without a network, so that time can be made up.
func (d *double) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bad && d.r.IntN(25) == 0 {
		return nil, fmt.Errorf("connection reset by a double")
	}
	w.Header().Set("Date", d.now().Format(http.TimeFormat))
	d.serve(w, r)
	return w.Result(), nil
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"RequestId":"r","HostId":"h","Code":%q,"Message":"no"}`, code)
}

func (d *double) serve(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, 400, "InvalidParameter")
		return
	}
	p := r.Form
	stamp, err := time.Parse("2006-01-02T15:04:05Z", p.Get("Timestamp"))
	switch {
	case p.Get("Signature") != signed(d.secret, r.Method, p):
		refuse(w, 403, "SignatureDoesNotMatch")
		return
	case err != nil || stamp.Sub(d.now()).Abs() > 15*time.Minute:
		refuse(w, 400, "InvalidTimeStamp.Expired")
		return
	case p.Get("Action") != "LookupEvents":
		refuse(w, 404, "InvalidAction.NotFound")
		return
	case d.tooMany():
		d.throttled++
		refuse(w, 400, "Throttling.User")
		return
	case d.bad && d.r.IntN(25) == 0:
		w.WriteHeader(502)
		fmt.Fprint(w, "<html>bad gateway</html>")
		return
	}
	d.lookup(w, p)
}

// tooMany says whether a third request comes within a second.
func (d *double) tooMany() bool {
	now := d.now()
	d.requests = slices.DeleteFunc(d.requests, func(t time.Time) bool { return now.Sub(t) >= time.Second })
	if len(d.requests) >= 2 {
		return true
	}
	d.requests = append(d.requests, now)
	return d.bad && d.r.IntN(40) == 0
}

func (d *double) lookup(w http.ResponseWriter, p url.Values) {
	from, err1 := time.Parse(time.RFC3339, p.Get("StartTime"))
	to, err2 := time.Parse(time.RFC3339, p.Get("EndTime"))
	size, err3 := strconv.Atoi(p.Get("MaxResults"))
	if err1 != nil || err2 != nil || err3 != nil || size < 1 || size > 50 || to.Sub(from) > 30*24*time.Hour || from.Before(d.now().AddDate(0, 0, -91)) {
		refuse(w, 400, "InvalidParameter")
		return
	}
	if p.Get("EventRW") != "All" && p.Get("LookupAttribute.1.Value") != "All" { // half of the events would be missing
		refuse(w, 400, "InvalidEventRW")
		return
	}
	params := p.Get("StartTime") + p.Get("EndTime") + p.Get("MaxResults")
	var left []*happened
	if token := p.Get("NextToken"); token != "" {
		c, ok := d.tokens[token]
		if !ok || c.params != params {
			refuse(w, 400, "InvalidNextToken")
			return
		}
		if c.gives--; c.gives == 0 {
			delete(d.tokens, token)
		} else {
			d.tokens[token] = c
		}
		left = c.left
	} else {
		for _, e := range d.events {
			switch {
			case e.at.Before(from) || e.at.After(to) || e.visible.After(d.now()):
			case e.shy:
				e.shy = false
			default:
				left = append(left, e)
			}
		}
		if d.bad {
			d.r.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
		}
	}
	d.page(w, params, left, size)
}

func (d *double) page(w http.ResponseWriter, params string, left []*happened, size int) {
	if d.bad {
		size = d.r.IntN(size + 1)
	}
	n := min(size, len(left))
	var texts []string
	for _, e := range left[:n] {
		texts = append(texts, e.text)
		if d.bad && d.r.IntN(10) == 0 && len(texts) < 50 {
			texts = append(texts, e.text)
		}
	}
	answer := map[string]any{"RequestId": "r", "Events": json.RawMessage("[" + strings.Join(texts, ", \n") + "]")}
	if n < len(left) {
		token := strconv.FormatUint(d.r.Uint64(), 36)
		again := 0
		if d.bad && d.r.IntN(5) == 0 {
			again = min(n, 2) // the next page begins with events of this one
		}
		gives := 1000
		if d.bad {
			gives = d.r.IntN(30) // 0 never ends
			if gives == 1 {
				gives = 2
			}
		}
		d.tokens[token] = cursor{params, left[n-again:], gives}
		if again == n && n == 0 {
			d.tokens[token] = cursor{params, left, gives}
		}
		if !d.bad || d.r.IntN(60) != 0 {
			answer["NextToken"] = token
		} else {
			answer["NextToken"] = "expired" // it is forgotten before it is used
		}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// signed is the signature of the RPC dialect, worked out anew.
func signed(secret, method string, p url.Values) string {
	escape := func(s string) string {
		return strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(url.QueryEscape(s))
	}
	var names []string
	for name := range p {
		if name != "Signature" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var pairs []string
	for _, name := range names {
		pairs = append(pairs, escape(name)+"="+escape(p.Get(name)))
	}
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(method + "&%2F&" + escape(strings.Join(pairs, "&"))))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
