package atomicfiletest

import (
	"sync"

	"keyd/credfile/atomicfile"
)

// Shared is a machine's view of a network drive, as its locks make it. Create one for each
// machine, around the same file system.
type Shared struct {
	atomicfile.Sys
	Reach atomicfile.Reach // what the machine says about its locks

	// Locks holds the locks that are taken. Machines with the same map exclude each
	// other; each machine with a map of its own excludes only itself. nil excludes
	// no one: every lock is granted.
	Locks map[string]bool

	// Refuse, if set, is the error of every lock.
	Refuse error

	mu sync.Mutex // held while Refuse and Locks are used
}

// SetRefuse sets Refuse from now on.
func (s *Shared) SetRefuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Refuse = err
}

// LockReach returns Reach.
func (s *Shared) LockReach(string) atomicfile.Reach { return s.Reach }

// TryLock grants a lock that is not in Locks.
func (s *Shared) TryLock(name string) (unlock func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.Refuse != nil:
		return nil, s.Refuse
	case s.Locks == nil:
		return func() {}, nil
	case s.Locks[name]:
		return nil, atomicfile.ErrLocked
	}
	s.Locks[name] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.Locks, name)
	}, nil
}
