package journal

import (
	"time"

	"keyd/credfile"
)

// Session is a session that was opened with an MFA code, for users whose policy denies
// nearly everything without MFA. It signs the calls to IAM of a rotation; what proves a key
// is signed with that key. Key.Secret and Token are secrets: they are in the journal as long
// as the session lasts, because the deactivation comes a day after the creation, and a
// person is not asked for two codes.
type Session struct {
	Key     credfile.Key
	Token   credfile.Secret
	Expires time.Time
	Opener  string // the id of the key that has opened it
	Serial  string // of the MFA device

	Endpoint string // where it was opened, in the words of the status: it is sent nowhere else; "" for AWS
}

// sessionMargin is how long before its end a session is no longer used: an action that
// begins with it should end with it.
const sessionMargin = 5 * time.Minute

// IsUsable reports whether the session can sign an action that begins now. A session from
// the future was opened under a wrong clock: AWS says whether it still counts.
func (s *Session) IsUsable(now time.Time) bool {
	return s.Key.ID != "" && now.Add(sessionMargin).Before(s.Expires)
}

// UsableUntil returns when IsUsable becomes false.
func (s *Session) UsableUntil() time.Time { return s.Expires.Add(-sessionMargin) }

// DropSession forgets a session that is over, and reports whether there was one.
func (r *Rotation) DropSession(now time.Time) bool {
	if r.Session.Key.ID == "" || r.Session.IsUsable(now) {
		return false
	}
	r.Session = Session{}
	return true
}

// sessionRecord is a Session as it is on disk, with its secrets in plain text.
//
// It raises no version of the journal. A keyd that does not know it leaves it out of the
// next journal that it writes, and AWS then denies what that keyd does: nothing is misread,
// and a person is asked for one code more. The higher version would keep such a keyd from
// mending the files, which needs no session.
type sessionRecord struct {
	ID       string    `json:"id"`
	Secret   string    `json:"secret"`
	Token    string    `json:"token"`
	Expires  time.Time `json:"expires"`
	Opener   string    `json:"opened_by,omitzero"`
	Serial   string    `json:"device,omitzero"`
	Endpoint string    `json:"endpoint,omitzero"`
}

// recordSession returns s as it is written to disk; nil when there is none.
func recordSession(s Session) *sessionRecord {
	if s.Key.ID == "" {
		return nil
	}
	return &sessionRecord{s.Key.ID, s.Key.Secret.Reveal(), s.Token.Reveal(), s.Expires, s.Opener, s.Serial, s.Endpoint}
}

// readSession returns the session that was read from disk. Half a session counts as none.
func readSession(rec *sessionRecord) Session {
	if rec == nil || rec.ID == "" || rec.Secret == "" || rec.Token == "" {
		return Session{}
	}
	return Session{Key: newPair(rec.ID, rec.Secret), Token: credfile.NewSecret(rec.Token), Expires: rec.Expires, Opener: rec.Opener, Serial: rec.Serial, Endpoint: rec.Endpoint}
}
