package awssim

import (
	"crypto/subtle"
	"strconv"
	"time"
)

// getCallerIdentity needs no permission, and no policy can deny it.
// Source: STS API reference.
func (x *exchange) getCallerIdentity() ([]node, *refusal) {
	u := x.caller.user
	return []node{leaf("Arn", u.ARN()), leaf("UserId", u.id), leaf("Account", u.account)}, nil
}

// getAccessKeyInfo returns the account of any key, whatever its status.
func (x *exchange) getAccessKeyInfo() ([]node, *refusal) {
	id := x.params.Get("AccessKeyId")
	if r := checkID(id); r != nil {
		return nil, r
	}
	account := accountOf(id)
	if account == "" {
		return nil, validationError("Value '%s' at 'accessKeyId' failed to satisfy constraint: Member must be an access key", id)
	}
	return []node{leaf("Account", account)}, nil
}

// session holds temporary credentials from GetSessionToken. They work in every view
// at once and, until they expire, even after the key that opened the session is
// gone, unless Options.SessionsEndWithKey says otherwise.
type session struct {
	id, secret, token string
	key               *key
	mfa               bool
	expires           time.Time
}

// checkSession is findSigner for temporary credentials.
func (x *exchange) checkSession() (secret string, r *refusal) {
	s := x.c.sessions[x.cred.keyID]
	if s == nil || subtle.ConstantTimeCompare([]byte(s.token), []byte(x.cred.token)) != 1 {
		return "", invalidToken()
	}
	if s.key.user.partition != partitionOf(x.cred.region) || x.service == "iam" && !s.mfa {
		return "", invalidToken()
	}
	if x.t.After(s.expires) {
		return "", expiredToken()
	}
	if x.c.opt.SessionsEndWithKey && x.c.statusAt(s.key, x.call.View, x.call.Replica, x.t) != statusActive {
		return "", invalidToken()
	}
	x.caller = caller{user: s.key.user, key: s.key, session: s}
	return s.secret, nil
}

// getSessionToken opens a session of 900 s to 36 h, by default 12 h. Source: STS
// API reference. The texts come from reports, not from a recording.
func (x *exchange) getSessionToken() ([]node, *refusal) {
	if x.caller.session != nil {
		return nil, newRefusal(403, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	}
	seconds := 43200
	if s := x.params.Get("DurationSeconds"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 900 || n > 129600 {
			return nil, validationError("Value '%s' at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 129600", s)
		}
		seconds = n
	}
	mfa, r := x.checkMFACode()
	if r != nil {
		return nil, r
	}
	s := &session{
		id: x.c.newID("ASIA", x.caller.user.account), secret: x.c.newSecret(), token: x.c.newSecret() + x.c.newSecret(),
		key: x.caller.key, mfa: mfa, expires: x.t.Add(time.Duration(seconds) * time.Second),
	}
	x.c.sessions[s.id] = s
	return []node{branch("Credentials",
		leaf("AccessKeyId", s.id), leaf("SecretAccessKey", s.secret),
		leaf("SessionToken", s.token), leaf("Expiration", x.formatDate(s.expires)))}, nil
}

// EndSessions lets all sessions expire at once.
func (c *Cloud) EndSessions() {
	defer c.lockAndSettle()()
	for _, s := range c.sessions {
		s.expires = c.opt.Now().Add(-time.Second)
	}
}

// LiveSessions returns how many sessions have not expired.
func (c *Cloud) LiveSessions() (n int) {
	defer c.lockAndSettle()()
	for _, s := range c.sessions {
		if !c.opt.Now().After(s.expires) {
			n++
		}
	}
	return n
}
