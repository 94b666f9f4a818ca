package runner

// WithoutCgroups is a runner as it is where there are none.
func (r *Runner) WithoutCgroups() *Runner { return &Runner{o: r.o} }
