package importer

import "context"

// OneRound runs one look of an import, as a new process would.
func (s *Service) OneRound(ctx context.Context, project, name string) error {
	j := &job{s: s, place: place{project, name}}
	err := j.round(ctx)
	if j.bucket != nil {
		j.bucket.close()
	}
	return err
}

// Rounds returns a function that runs looks of one import, as a process that stays.
func (s *Service) Rounds(project, name string) (round func(context.Context) error, end func()) {
	j := &job{s: s, place: place{project, name}}
	return j.round, func() {
		if j.bucket != nil {
			j.bucket.close()
		}
	}
}

// InGroupsOf makes log groups have so many records.
func (o Options) InGroupsOf(n int) Options {
	o.groupRecords = n
	return o
}
