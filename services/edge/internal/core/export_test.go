package core

// Addresses is how many addresses the guests' rate remembers.
func (a *Admission) Addresses() int {
	a.guests.mu.Lock()
	defer a.guests.mu.Unlock()
	return len(a.guests.idle)
}
