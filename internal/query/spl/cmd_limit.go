package spl

// limit lets a number of rows through.
type limit struct{ count int }

// defaultGroups is how many results of stats are shown if the script does not say (reference sls-query 5).
const defaultGroups = 100

// parseLimit: limit n
func parseLimit(p *parser) command { return &limit{p.count("a number of rows")} }

func (c *limit) start(_ *run, next sink) sink { return &limitRun{c.count, next} }

type limitRun struct {
	left int
	next sink
}

func (l *limitRun) row(r *row) error {
	if l.left == 0 {
		return nil
	}
	l.left--
	return l.next.row(r)
}

func (l *limitRun) finish() error { return l.next.finish() }
