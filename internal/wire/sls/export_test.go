package sls

// Hollow makes every action that is admitted succeed without being done, so that a test can ask who is admitted to deleting everything. Late
// rows keep their handlers, which admit by themselves.
func (a *API) Hollow() {
	routes := Routes()
	for i := range routes {
		if !routes[i].Late && !routes[i].Anonymous {
			routes[i].handle = func(_ *API, q *request) error { return q.ok() }
		}
	}
	a.router = newRouter(routes)
}
