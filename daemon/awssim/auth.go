package awssim

import (
	"regexp"
	"slices"
	"time"
)

// caller is who signed a request that was found good.
type caller struct {
	user    *User
	key     *key // that signed, or from which the session was made
	session *session
}

// signatureWindow is how far a signature's date may be off, either way.
// Source: IAM user guide, "Troubleshoot Signature Version 4", and the texts of
// the refusals.
const signatureWindow = 15 * time.Minute

var regionShape = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-\d+$`)

// authenticate checks a request in the order in which AWS does: the claim can
// be read, its date is near, its scope is right, the key is known and active
// in this view, and last the signature. So an unknown key is told as such
// even when its signature is nonsense.
func (x *exchange) authenticate() *refusal {
	if x.unreadable != nil {
		return x.unreadable
	}
	for _, check := range []func() *refusal{x.checkDate, x.checkScopeDate, x.checkScope, x.checkHeaders} {
		if r := check(); r != nil {
			return r
		}
	}
	secret, r := x.checkKey()
	if r != nil {
		return r
	}
	if !x.cred.signed(secret, x.http, x.body) {
		return mismatch("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	x.caller.key.use(Use{At: x.t, Service: x.service, Region: x.cred.region})
	return nil
}

func (x *exchange) checkScopeDate() *refusal {
	if x.cred.date != x.cred.stamp[:min(8, len(x.cred.stamp))] {
		return mismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%.8s', from '%s'.",
			x.cred.date, x.cred.stamp, x.cred.stamp)
	}
	return nil
}

func (x *exchange) checkDate() *refusal {
	signed, err := time.Parse(stampShape, x.cred.stamp)
	if err != nil {
		return incomplete("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", x.cred.stamp)
	}
	now, window := x.t.Add(x.c.skew).UTC().Truncate(time.Second), signatureWindow
	if x.cred.query {
		window = x.cred.expires
	}
	if low := now.Add(-window); signed.Before(low) {
		return mismatch("Signature expired: %s is now earlier than %s (%s - %d min.)",
			x.cred.stamp, low.Format(stampShape), now.Format(stampShape), int(window/time.Minute))
	}
	if high := now.Add(signatureWindow); signed.After(high) {
		return mismatch("Signature not yet current: %s is still later than %s (%s + 15 min.)",
			x.cred.stamp, high.Format(stampShape), now.Format(stampShape))
	}
	return nil
}

func (x *exchange) checkScope() *refusal {
	hostService, hostRegion := hostScope(x.host())
	region := x.cred.region
	switch {
	case x.cred.term != "aws4_request":
		return mismatch("Credential should be scoped with a valid terminator: 'aws4_request', not '%s'.", x.cred.term)
	case x.cred.service != x.service || hostService != "" && hostService != x.service:
		return mismatch("Credential should be scoped to correct service: '%s'.", x.service)
	case !regionShape.MatchString(region), hostRegion != "" && region != hostRegion,
		x.service == "iam" && region != regionOfIAM(partitionOf(region)) && !x.c.opt.AnyRegion:
		return mismatch("Credential should be scoped to a valid region.")
	}
	return nil
}

// checkHeaders refuses a signature that does not cover the host.
func (x *exchange) checkHeaders() *refusal {
	if !slices.Contains(x.cred.headers, "host") {
		return mismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	return nil
}

// checkKey finds who signs and with which secret, in the view that serves
// this request.
func (x *exchange) checkKey() (secret string, r *refusal) {
	region := x.cred.region
	if x.service == "sts" && x.c.closed[region] {
		return "", invalidToken()
	}
	if x.cred.token != "" {
		return x.checkSession()
	}
	k := x.c.keys[x.cred.keyID]
	if k == nil || k.user.partition != partitionOf(region) || x.c.shown(k, x.call.View, x.call.Replica, x.t) != statusActive {
		return "", invalidToken()
	}
	x.caller = caller{user: k.user, key: k}
	return k.secret, nil
}
