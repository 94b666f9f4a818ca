// Package weblog makes up the access log of a small web shop: visitors who come, look at some pages and go, crawlers, and now
// and then a few minutes in which the payment service is ill. All addresses are from the ranges reserved for documentation,
// so nothing in it can be taken for somebody's traffic.
package weblog

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/sluicelog/sluice"
)

// Generator makes requests. Equal seeds make equal logs at equal times. It is not safe for concurrent use.
type Generator struct {
	rng      *rand.Rand
	perHour  float64
	visitors []*visitor
	illUntil time.Time
}

type visitor struct {
	addr, agent string
	page        page // the last one seen
	left        int  // pages still to see
}

// New returns a generator that makes about perSecond requests a second on average, with a slow swell.
func New(seed uint64, perSecond float64) *Generator {
	return &Generator{rng: rand.New(rand.NewPCG(seed, 1)), perHour: perSecond * 3600}
}

// Wait returns how long after now the next request comes.
func (g *Generator) Wait(now time.Time) time.Duration {
	const swell = 10 * time.Minute // a day would be too slow to see
	phase := 2 * math.Pi * float64(now.UnixNano()%int64(swell)) / float64(swell)
	perSecond := g.perHour / 3600 * (1 + 0.5*math.Sin(phase))
	return time.Duration(g.rng.ExpFloat64() / perSecond * float64(time.Second))
}

type page struct {
	uri    string
	weight int
	size   int           // bytes of the answer, about
	took   time.Duration // about
}

var pages = []page{
	{"/", 30, 18_000, 12 * time.Millisecond},
	{"/products", 25, 31_000, 35 * time.Millisecond},
	{"/products/%d", 40, 22_000, 28 * time.Millisecond},
	{"/search?q=%s", 12, 14_000, 90 * time.Millisecond},
	{"/static/app.js", 10, 148_000, 2 * time.Millisecond},
	{"/static/site.css", 10, 23_000, 2 * time.Millisecond},
	{"/api/cart", 15, 900, 18 * time.Millisecond},
	{"/api/checkout", 5, 400, 240 * time.Millisecond},
	{"/login", 6, 5_000, 60 * time.Millisecond},
	{"/wp-login.php", 2, 300, time.Millisecond},
	{"/healthz", 4, 2, time.Millisecond},
}

var (
	agents = []string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
		"ExampleBot/2.1 (+http://bot.example/)",
		"curl/8.8.0",
	}
	networks = []string{"192.0.2.", "198.51.100.", "203.0.113."}
	words    = []string{"lamp", "desk", "blue+chair", "rug", "mirror", "bookshelf"}
	servers  = []string{"web-1", "web-2", "web-3"}
)

// Next makes a request that ended at now.
func (g *Generator) Next(now time.Time) sluice.Record {
	v := g.visitor()
	referer := "-"
	if v.page.uri != "" {
		referer = "https://shop.example" + v.page.uri
	}
	p := g.page()
	v.page = p
	method := "GET"
	if p.uri == "/api/checkout" || p.uri == "/login" || (p.uri == "/api/cart" && g.rng.IntN(2) == 0) {
		method = "POST"
	}
	status := g.status(p, now)
	took := time.Duration(float64(p.took) * math.Exp(g.rng.NormFloat64()*0.5))
	size := int(float64(p.size) * (0.8 + 0.4*g.rng.Float64()))
	switch {
	case status == 304:
		size = 0
	case status >= 500:
		took, size = took+3*time.Second, 180
	case status >= 400:
		size = 320
	}
	return sluice.Record{Time: uint32(now.Unix()), Nanos: uint32(now.Nanosecond()), Fields: []sluice.Field{
		{Key: "method", Value: method},
		{Key: "uri", Value: p.uri},
		{Key: "status", Value: strconv.Itoa(status)},
		{Key: "bytes", Value: strconv.Itoa(size)},
		{Key: "request_time", Value: strconv.FormatFloat(took.Seconds(), 'f', 3, 64)},
		{Key: "remote_addr", Value: v.addr},
		{Key: "host", Value: servers[g.rng.IntN(len(servers))]},
		{Key: "referer", Value: referer},
		{Key: "user_agent", Value: v.agent},
		{Key: "trace_id", Value: fmt.Sprintf("%016x", g.rng.Uint64())},
	}}
}

// visitor returns one of a few dozen who are here now, or a new one.
func (g *Generator) visitor() *visitor {
	const atOnce = 40
	if len(g.visitors) < atOnce && g.rng.IntN(4) == 0 || len(g.visitors) == 0 {
		v := &visitor{
			addr:  networks[g.rng.IntN(len(networks))] + strconv.Itoa(1+g.rng.IntN(254)),
			agent: agents[min(g.rng.IntN(len(agents)), g.rng.IntN(len(agents)))],
			left:  1 + int(g.rng.ExpFloat64()*6),
		}
		g.visitors = append(g.visitors, v)
		return v
	}
	i := g.rng.IntN(len(g.visitors))
	v := g.visitors[i]
	if v.left--; v.left == 0 {
		g.visitors = append(g.visitors[:i], g.visitors[i+1:]...)
	}
	return v
}

func (g *Generator) page() page {
	total := 0
	for _, p := range pages {
		total += p.weight
	}
	n := g.rng.IntN(total)
	for _, p := range pages {
		if n -= p.weight; n >= 0 {
			continue
		}
		switch p.uri {
		case "/products/%d":
			p.uri = fmt.Sprintf(p.uri, 1+int(math.Abs(g.rng.NormFloat64())*40)) // some sell better
		case "/search?q=%s":
			p.uri = fmt.Sprintf(p.uri, words[g.rng.IntN(len(words))])
		}
		return p
	}
	panic("unreachable: the weights add up to total")
}

// status is mostly good; checkouts fail while the payment service is ill, which begins about twice an hour.
func (g *Generator) status(p page, now time.Time) int {
	if now.After(g.illUntil) && g.rng.Float64() < 2/g.perHour {
		g.illUntil = now.Add(time.Duration(60+g.rng.IntN(120)) * time.Second)
	}
	switch {
	case p.uri == "/api/checkout" && now.Before(g.illUntil):
		return 503
	case p.uri == "/wp-login.php":
		return 404
	case p.uri == "/login" && g.rng.IntN(5) == 0:
		return 401
	case p.size > 20_000 && g.rng.IntN(4) == 0:
		return 304
	case g.rng.IntN(300) == 0:
		return 500
	case g.rng.IntN(60) == 0:
		return 404
	}
	return 200
}
