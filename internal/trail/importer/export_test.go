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

// RemoveOrphans removes what is left of imports that are gone, as Run does.
func (s *Service) RemoveOrphans(ctx context.Context) error {
	_, ids, err := s.places(ctx)
	if err != nil {
		return err
	}
	return s.removeOrphans(ctx, ids)
}
