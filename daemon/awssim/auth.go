package awssim

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// caller is the signer of a request whose signature is valid.
type caller struct {
	user    *User
	key     *key // the key that signed, or that opened the session
	session *session
	tagKeys []string // of a request to tag or untag
}

// signatureWindow is how far the date of a signature may be off in either
// direction. Source: IAM user guide, "Troubleshoot Signature Version 4", and the
// texts of the refusals.
const signatureWindow = 15 * time.Minute

var regionShape = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-\d+$`) })

// authenticate checks a request in AWS's order: the claim can be read, its date is
// near, its scope is right, the key is known and active in this view, and last
// the signature. AWS therefore reports an unknown key as unknown even when the
// signature is nonsense.
func (x *exchange) authenticate() *refusal {
	if x.unreadable != nil {
		return x.unreadable
	}
	for _, check := range []func() *refusal{x.checkDate, x.checkScopeDate, x.checkScope, x.checkSignedHost} {
		if r := check(); r != nil {
			return r
		}
	}
	secret, r := x.findSigner()
	if r != nil {
		return r
	}
	if !x.cred.isSignedWith(secret, x.http, x.body) {
		return signatureMismatch("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	x.caller.key.recordUse(Use{At: x.t, Service: x.service, Region: x.cred.region})
	return nil
}

func (x *exchange) checkScopeDate() *refusal {
	if x.cred.date != x.cred.stamp[:min(8, len(x.cred.stamp))] {
		return signatureMismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%.8s', from '%s'.",
			x.cred.date, x.cred.stamp, x.cred.stamp)
	}
	return nil
}

func (x *exchange) checkDate() *refusal {
	signed, err := time.Parse(stampShape, x.cred.stamp)
	if err != nil {
		return incompleteSignature("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", x.cred.stamp)
	}
	now, window := x.t.Add(x.c.skew).UTC().Truncate(time.Second), signatureWindow
	if x.cred.query {
		window = x.cred.expires
	}
	if low := now.Add(-window); signed.Before(low) {
		return signatureMismatch("Signature expired: %s is now earlier than %s (%s - %d min.)",
			x.cred.stamp, low.Format(stampShape), now.Format(stampShape), int(window/time.Minute))
	}
	if high := now.Add(signatureWindow); signed.After(high) {
		return signatureMismatch("Signature not yet current: %s is still later than %s (%s + 15 min.)",
			x.cred.stamp, high.Format(stampShape), now.Format(stampShape))
	}
	return nil
}

func (x *exchange) checkScope() *refusal {
	hostService, hostRegion := hostScope(x.host())
	region := x.cred.region
	switch {
	case x.c.opt.Dialect.isAnywhere():
		return nil
	case x.cred.term != "aws4_request":
		return signatureMismatch("Credential should be scoped with a valid terminator: 'aws4_request', not '%s'.", x.cred.term)
	case x.cred.service != x.service || hostService != "" && hostService != x.service:
		return signatureMismatch("Credential should be scoped to correct service: '%s'.", x.service)
	case !regionShape().MatchString(region), hostRegion != "" && region != hostRegion,
		x.service == "iam" && region != regionOfIAM(partitionOf(region)) && !x.c.opt.AnyRegion:
		return signatureMismatch("Credential should be scoped to a valid region.")
	}
	return nil
}

// checkSignedHost refuses a signature that does not cover the host header.
func (x *exchange) checkSignedHost() *refusal {
	if !slices.Contains(x.cred.headers, "host") {
		return signatureMismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	return nil
}

// findSigner sets the caller and returns the secret it must have signed with, as
// the view that serves this request knows them.
func (x *exchange) findSigner() (secret string, r *refusal) {
	region := x.cred.region
	if x.service == "sts" && x.c.closed[region] {
		return "", invalidToken()
	}
	if x.cred.token != "" {
		return x.checkSession()
	}
	k := x.c.keys[x.cred.keyID]
	if k == nil || k.user.partition != partitionOf(region) || x.c.statusAt(k, x.call.View, x.call.Replica, x.t) != statusActive {
		return "", invalidToken()
	}
	x.caller = caller{user: k.user, key: k}
	return k.secret, nil
}

// partitionOf returns the partition of a region, judged by its name. An unknown
// name counts as partition aws, as it does in the SDKs.
// Source: aws-sdk-go-v2 internal/endpoints, partitions.json.
func partitionOf(region string) string {
	for _, p := range [][2]string{
		{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"eusc-", "aws-eusc"},
		{"us-iso-", "aws-iso"}, {"us-isob-", "aws-iso-b"}, {"us-isof-", "aws-iso-f"},
		{"eu-isof-", "aws-iso-f"}, {"eu-isoe-", "aws-iso-e"},
	} {
		if strings.HasPrefix(region, p[0]) {
			return p[1]
		}
	}
	return "aws"
}

// regionOfIAM returns the only region for which a partition accepts IAM requests.
// Source: AWS general reference, IAM endpoints.
func regionOfIAM(partition string) string {
	switch partition {
	case "aws-cn":
		return "cn-north-1"
	case "aws-us-gov":
		return "us-gov-west-1"
	case "aws-eusc":
		return "eusc-de-east-1"
	case "aws-iso":
		return "us-iso-east-1"
	case "aws-iso-b":
		return "us-isob-east-1"
	case "aws-iso-f":
		return "us-isof-south-1"
	case "aws-iso-e":
		return "eu-isoe-west-1"
	}
	return "us-east-1"
}

// hostScope returns the service and region in the name of an AWS endpoint. Both
// are empty for any other host, where only the client's own scope is known.
func hostScope(host string) (service, region string) {
	service, rest, _ := strings.Cut(host, ".")
	service = strings.TrimSuffix(service, "-fips")
	region, suffix, _ := strings.Cut(rest, ".")
	switch {
	case service != "iam" && service != "sts" && service != "ec2", !strings.Contains("."+rest, ".amazonaws.") && !strings.Contains(rest, ".aws"):
		return "", ""
	case region == "amazonaws" || region == "global":
		return service, "us-east-1" // the global endpoints of partition aws
	case region == "us-gov":
		return service, regionOfIAM("aws-us-gov")
	case suffix == "":
		return "", ""
	}
	return service, region
}
