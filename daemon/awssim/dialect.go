package awssim

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Dialect is the IAM that a Cloud speaks. The dialects other than AWS's follow their
// documentation and, for Ceph, its source; where both are silent they do as AWS does. None was
// compared with the real one.
type Dialect string

// The dialects.
const (
	AWS Dialect = ""

	// Ceph is the gateway of Ceph Squid: ids of 20 capital letters and digits, no
	// GetCallerIdentity, no last use, no tags. What it does not know is not allowed, errors are
	// documents as S3 has them, most without a message, an account is RGW and 17 digits, the id
	// of a user is a UUID, and a user may have four keys. It checks neither service nor region
	// of a signature.
	// Source: docs.ceph.com, "Ceph Object Gateway IAM API"; rgw_rest_iam.cc,
	// rgw_rest_iam_user.cc, rgw_rest.cc (dump), rgw_common.cc (rgw_http_s3_errors,
	// rgw_http_iam_errors), rgw_user.h (PUBLIC_ID_LEN), DEFAULT_ACCESS_KEY_LIMIT.
	Ceph Dialect = "ceph"

	// Wasabi has ids of 20 capital letters and digits, and no tags of users.
	// Source: docs.wasabi.com, "IAM and STS Support".
	Wasabi Dialect = "wasabi"

	// Backblaze has the ids and secrets of its application keys, 25 hexadecimal digits and 31
	// characters, and of IAM only the calls about users, keys and policies, and
	// GetCallerIdentity. Its examples of CreateAccessKey show AWS's shapes: which of the two it
	// gives out is not settled.
	// Source: backblaze.com, "Application keys", "IAM and STS API Reference".
	Backblaze Dialect = "backblaze"
)

// Dialect returns the IAM that the cloud speaks.
func (c *Cloud) Dialect() Dialect { return c.opt.Dialect }

const (
	capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	hexads   = "0123456789abcdef"
)

// missing are the calls that a dialect does not know, apart from those that only AWS has.
var missing = map[Dialect][]string{
	Ceph:      {"GetCallerIdentity", "GetSessionToken", "GetAccessKeyInfo", "GetAccessKeyLastUsed", "TagUser", "UntagUser", "ListUserTags", "ListMFADevices", "DescribeRegions"},
	Wasabi:    {"TagUser", "UntagUser", "ListUserTags", "GetAccessKeyInfo", "DescribeRegions"},
	Backblaze: {"GetUser", "GetSessionToken", "GetAccessKeyInfo", "GetAccessKeyLastUsed", "TagUser", "UntagUser", "ListUserTags", "ListMFADevices", "DescribeRegions"},
}

// keyQuota returns how many keys a user may have.
func (d Dialect) keyQuota() int {
	if d == Ceph {
		return 4
	}
	return keysPerUser
}

// isAnywhere reports whether the region and the service of a signature do not matter.
func (d Dialect) isAnywhere() bool { return d != AWS }

// draw returns n characters of an alphabet.
func (c *Cloud) draw(n int, alphabet string) string {
	rng := c.newRand()
	s := make([]byte, n)
	for i := range s {
		s[i] = alphabet[rng.IntN(len(alphabet))]
	}
	return string(s)
}

// newKeyID returns the id of a new key of an account.
func (c *Cloud) newKeyID(account string) string {
	switch c.opt.Dialect {
	case Ceph, Wasabi:
		return "Q7" + c.draw(18, capitals) // a digit, without which an id may pass for a word
	case Backblaze:
		return "002" + c.draw(22, hexads)
	}
	return c.newID("AKIA", account)
}

// newKeySecret returns the secret of a new key.
func (c *Cloud) newKeySecret() string {
	if c.opt.Dialect == Backblaze {
		return "K002" + c.newSecret()[:27]
	}
	return c.newSecret()
}

// newUserID returns the unique id of a new user.
func (c *Cloud) newUserID(account string) string {
	if c.opt.Dialect == Ceph {
		return c.newUUID()
	}
	return c.newID("AIDA", account)
}

var cephAccount = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^RGW\d{17}$`) })

// isAccount reports whether an account can have that name.
func (d Dialect) isAccount(name string) bool {
	return accountShape().MatchString(name) || d == Ceph && cephAccount().MatchString(name)
}

// says returns a refusal in the words of the dialect.
func (d Dialect) says(r *refusal) *refusal {
	if d != Ceph {
		return r
	}
	twin := *r
	switch {
	case r.code == "InvalidAction":
		twin.status, twin.code, twin.message = 405, "MethodNotAllowed", ""
	case r.code == "InvalidClientTokenId":
		twin.code, twin.message = "InvalidAccessKeyId", ""
	case r.code == "ValidationError":
		twin.code = "InvalidInput"
	case r.code == "NoSuchEntity" && strings.HasPrefix(r.message, "The user"):
		twin.message = "No such UserName in the account"
	case r.code == "NoSuchEntity":
		twin.message = "No such AccessKeyId in the user"
	case r.code == "LimitExceeded":
		twin.message = fmt.Sprintf("Access key limit %d exceeded", d.keyQuota())
	case r.code == "SignatureDoesNotMatch" && (strings.HasPrefix(r.message, "Signature expired") || strings.HasPrefix(r.message, "Signature not yet")):
		twin.code, twin.message = "RequestTimeTooSkewed", ""
	case r.code == "AccessDenied", r.code == "SignatureDoesNotMatch":
		twin.message = ""
	}
	return &twin
}

// errorBodyIn returns the body of a refusal in a dialect.
func (r *refusal) errorBodyIn(d Dialect, service, id string) []byte {
	if d != Ceph {
		return r.errorBody(service, id)
	}
	return branch("Error", leaf("Code", r.code), leaf("Message", r.message), leaf("RequestId", id), leaf("HostId", "1d0c5-default-default")).render("")
}
