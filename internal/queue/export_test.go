package queue

import "context"

// Sweep removes what is too old, as Run does.
func (s *Service) Sweep(ctx context.Context) { s.sweep(ctx) }
