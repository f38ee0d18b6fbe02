package rotate

import (
	"sync"
	"time"

	"keyd/daemon/iam"
	"keyd/daemon/journal"
)

// sessions are what this process has opened with MFA codes, by the user: one code does for
// all keys of one user. The journals hold them for other processes. A nil sessions holds
// none, and keeps none.
type sessions struct {
	mu        sync.Mutex
	open      map[string]journal.Session
	questions map[string]*asking // by the id of the key
}

// shareSessions makes the sessions that this process opens, and what it finds out about
// endpoints that are not AWS's, available to all that it does.
func (d *Rotator) shareSessions() {
	if d.sessions == nil {
		d.sessions, d.sources = &sessions{}, &iam.Sources{}
	}
}

// find returns the session of a user, if there is one that can sign.
func (s *sessions) find(owner string, now time.Time) (journal.Session, bool) {
	if s == nil {
		return journal.Session{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.open[owner]
	return found, found.IsUsable(now)
}

// keep remembers the session of a user.
func (s *sessions) keep(owner string, opened journal.Session) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[string]journal.Session{}
	}
	s.open[owner] = opened
}

// drop forgets the session of a user.
func (s *sessions) drop(owner string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, owner)
}

// noteAsking remembers a question, so that it can be ended.
func (s *sessions) noteAsking(id string, a *asking) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.questions == nil {
		s.questions = map[string]*asking{}
	}
	s.questions[id] = a
}

// endAsking ends the questions that are under way, and waits for that.
func (s *sessions) endAsking() {
	if s == nil {
		return
	}
	s.mu.Lock()
	all := s.questions
	s.questions = nil
	s.mu.Unlock()
	for _, a := range all {
		a.cancel(errAskingEnded)
		<-a.done
	}
}
