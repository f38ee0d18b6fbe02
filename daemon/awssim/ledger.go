package awssim

import "time"

// Call is the record of one request.
type Call struct {
	At      time.Time // arrival, by Options.Now
	View    string    // "iam", or "sts-" or "ec2-" and a region
	Replica int       // of that view, counted from 0
	Action  string    // as sent
	KeyID   string    // the key that the request claims to be signed with, or the id of a session; empty when unsigned
	Opener  string    // the key that opened the session which signed; empty when a key signed
	Account string    // of that key; empty when the key never existed
	User    string    // of that key; empty when the key never existed
	Target  string    // the access key that the request makes, changes or asks about
	Asked   string    // the status that UpdateAccessKey requests
	Attempt int       // which attempt this is, from Amz-Sdk-Request; 0 when absent
	Max     int       // how many attempts the client may make; 0 when absent
	Agent   string    // the header User-Agent

	RequestID string // that AWS gave the request

	Fault     Kind   // the fault that was applied; empty for none
	Effect    bool   // the request was accepted and carried out; false for a late one until then
	Status    int    // HTTP status of the answer; 0 when none was sent
	Code      string // AWS error code of the refusal, even if a fault hid it
	Delivered bool   // the answer left the cloud complete and unaltered
}

// Calls returns every request so far, in order of arrival.
func (c *Cloud) Calls() []Call {
	defer c.lockAndSettle()()
	cs := make([]Call, len(c.calls))
	for i, call := range c.calls {
		cs[i] = *call
	}
	return cs
}

// Secrets returns the secret of every key and session that ever existed, by id, and the
// token of every session, by its id with " token" behind it. Tests search for them in
// places where no secret may be.
func (c *Cloud) Secrets() map[string]string {
	defer c.lockAndSettle()()
	secrets := make(map[string]string, len(c.keys)+len(c.sessions))
	for id, k := range c.keys {
		secrets[id] = k.secret
	}
	for id, s := range c.sessions {
		secrets[id], secrets[id+" token"] = s.secret, s.token
	}
	return secrets
}

// LastCall returns the newest request, or the zero Call.
func (c *Cloud) LastCall() Call {
	defer c.lockAndSettle()()
	if len(c.calls) == 0 {
		return Call{}
	}
	return *c.calls[len(c.calls)-1]
}

// logCall adds the record of a request that has just been read.
func (c *Cloud) logCall(x *exchange, at time.Time) {
	n := c.nextSerial()
	call := &Call{At: at, View: viewIAM, Action: x.action, KeyID: x.cred.keyID, Target: x.params.Get("AccessKeyId"), Asked: x.params.Get("Status")}
	call.Attempt, call.Max = readAttempts(x.http.Header)
	call.Agent = x.http.Header.Get("User-Agent")
	switch x.service {
	case "sts":
		call.View = viewSTS(x.cred.region)
	case "ec2":
		call.View = viewEC2(x.cred.region)
	}
	call.Replica = int(c.hashSeed("replica", n) % uint64(c.opt.Lag.replicas()))
	if s := c.sessions[call.KeyID]; s != nil {
		call.Opener = s.key.id
	}
	if k := c.claimedKey(call.KeyID); k != nil {
		call.Account, call.User = k.user.account, k.user.name
		if regionShape().MatchString(x.cred.region) {
			c.noteView(call.View) // a request by a stranger must not make a view count
		}
	}
	x.call = call
	c.calls = append(c.calls, call)
}

// claimedKey returns the long-term key behind a key id: the key itself, or the key
// that opened the session.
func (c *Cloud) claimedKey(id string) *key {
	if s := c.sessions[id]; s != nil {
		return s.key
	}
	return c.keys[id]
}

// LateCalls returns the requests that have not taken effect yet, in the order in which
// they will. At is the time at which each will take effect.
func (c *Cloud) LateCalls() []Call {
	defer c.lockAndSettle()()
	var cs []Call
	for _, e := range c.late {
		call := *e.x.call
		call.At = e.at
		cs = append(cs, call)
	}
	return cs
}

// LastArrival returns the time at which the last change so far has reached every
// replica of IAM and STS. It may lie in the past.
func (c *Cloud) LastArrival() time.Time {
	defer c.lockAndSettle()()
	var last time.Time
	for _, k := range c.keys {
		for _, t := range c.arrivalTimes(k, iamAndSTS) {
			if t.After(last) {
				last = t
			}
		}
	}
	return last
}
