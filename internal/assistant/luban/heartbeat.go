package luban

import (
	"net/http"
	"strconv"
	"time"
)

// beatEvery is the only interval that clients take in whole minutes: from 55 to 65 seconds.
const beatEvery = time.Minute

// heartbeat: GET /luban/api/heart-beat
//
// Query: pid and process_uptime (milliseconds) name the process, see host.go; the others say what the registration said. A client that has something to
// fetch, and may have missed a kick, is kicked again.
func (g *Gateway) heartbeat(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	now := g.o.Now()
	pid, err1 := strconv.ParseInt(q.Get("pid"), 10, 64)
	uptime, err2 := strconv.ParseInt(q.Get("process_uptime"), 10, 64)
	const longest = int64(100 * 365 * 24 * time.Hour / time.Millisecond)
	if err1 != nil || err2 != nil || uptime < 0 || uptime > longest {
		return refuse(http.StatusUnprocessableEntity, "InvalidHeartbeat", "pid and process_uptime are needed, as numbers")
	}
	age := time.Duration(uptime) * time.Millisecond
	fresh, cloned := r.host.beat(pid, age, now)
	if cloned {
		g.s.Cloned(r.host.instance, r.RemoteAddr, "two processes send heartbeats in turns")
	}
	if r.host.refused() {
		r.host.hangUp(now.Add(time.Hour)) // all of them
		return refuseClone()
	}
	if fresh {
		r.host.hangUp(now.Add(-age - sameProcess))
	}
	if g.s.Beat(r.host.instance) {
		r.host.kick()
	}
	answer(w, http.StatusOK, map[string]int64{"nextInterval": beatEvery.Milliseconds()})
	return nil
}

func refuseClone() error {
	return refuse(http.StatusForbidden, "InstanceCloned", "two machines have the identity of this instance: deregister it and register both anew")
}
