package assistant

import "context"

// Flush writes the records that wait, as Run does when there are some.
func (s *Service) Flush(ctx context.Context) error { return s.outbox.flush(ctx) }

// ReadBack is readBack for tests.
var ReadBack = readBack
