package amend

// Held is how many logstores the store knows something of.
func (s *Store) Held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.states)
}

// Bounds that tests look at.
const (
	MaxWaiting = maxWaiting
	FewStates  = fewStates
	StaleBytes = staleBytes
)
