package awssim

import "time"

// Call is one request as the cloud saw it.
type Call struct {
	At      time.Time // of arrival, by Options.Now
	View    string    // "iam", or "sts-" and a region
	Replica int       // of that view, from 0
	Action  string    // as sent
	KeyID   string    // that claims to have signed; empty when unsigned
	Account string    // of that key, empty when it never existed
	User    string    // of that key
	Target  string    // the access key that is made, changed or asked about
	Asked   string    // the status that UpdateAccessKey asks for
	Attempt int       // from Amz-Sdk-Request: which attempt this is, 0 when not said
	Max     int       // how many the client is ready to make, 0 when not said

	Fault     Kind   // that was applied, empty for none
	Effect    bool   // it was accepted and carried out; for a late one, once it has been
	Status    int    // HTTP status that was sent, 0 for none
	Code      string // AWS error code that the call earned, also when a fault hid it
	Delivered bool   // an answer left the cloud whole and unaltered
}

// Calls returns every request so far, by arrival.
func (c *Cloud) Calls() []Call {
	defer c.lockAndSettle()()
	cs := make([]Call, len(c.calls))
	for i, call := range c.calls {
		cs[i] = *call
	}
	return cs
}

// Secrets returns the secret of every key and session that ever was, deleted
// ones too, by id: for a test that searches for them where they must not be.
func (c *Cloud) Secrets() map[string]string {
	defer c.lockAndSettle()()
	secrets := make(map[string]string, len(c.keys)+len(c.sessions))
	for id, k := range c.keys {
		secrets[id] = k.secret
	}
	for id, s := range c.sessions {
		secrets[id] = s.secret
	}
	return secrets
}

// Last returns the newest request, the zero Call when there was none.
func (c *Cloud) Last() Call {
	defer c.lockAndSettle()()
	if len(c.calls) == 0 {
		return Call{}
	}
	return *c.calls[len(c.calls)-1]
}

// logCall opens the entry of a request that has just been read.
func (c *Cloud) logCall(x *exchange, at time.Time) {
	n := c.nextSerial()
	call := &Call{At: at, View: viewIAM, Action: x.action, KeyID: x.cred.keyID, Target: x.params.Get("AccessKeyId"), Asked: x.params.Get("Status")}
	call.Attempt, call.Max = readAttempts(x.http.Header)
	if x.service == "sts" {
		call.View = viewSTS(x.cred.region)
	}
	call.Replica = int(c.hashSeed("replica", n) % uint64(c.opt.Lag.replicas()))
	if k := c.claimedKey(call.KeyID); k != nil {
		call.Account, call.User = k.user.account, k.user.name
		if regionShape.MatchString(x.cred.region) {
			c.noteView(call.View) // a stranger's request makes no view one that counts
		}
	}
	x.call = call
	c.calls = append(c.calls, call)
}

// claimedKey returns the long-term key behind a key id: itself, or the one that a
// session was made with.
func (c *Cloud) claimedKey(id string) *key {
	if s := c.sessions[id]; s != nil {
		return s.key
	}
	return c.keys[id]
}

// Late returns the requests that are still on their way, by when they are due:
// At is that time.
func (c *Cloud) Late() []Call {
	defer c.lockAndSettle()()
	var cs []Call
	for _, e := range c.late {
		call := *e.x.call
		call.At = e.at
		cs = append(cs, call)
	}
	return cs
}

// Spread returns when every change so far is known everywhere: at once, or
// some seconds from now.
func (c *Cloud) Spread() time.Time {
	defer c.lockAndSettle()()
	var last time.Time
	for _, k := range c.keys {
		for _, t := range c.arrivalTimes(k) {
			if t.After(last) {
				last = t
			}
		}
	}
	return last
}
