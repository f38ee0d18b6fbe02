// Package remote describes AWS's side of one access key in plain data: Endpoints
// says where the calls of the key go, Identity says who AWS found behind the
// key, Use says when AWS last saw the key used, and Receipt is the evidence of a
// call that changed something.
//
// Package iam produces these values; the journal, the status and the decisions
// keep and compare them. They live apart from iam so that a package which only
// keeps or compares them does not import the AWS SDK. This package therefore
// imports nothing that reaches a network, and its types have no methods.
package remote

import (
	"strings"
	"time"
)

// Endpoints says where the calls of one key go. iam.ResolveEndpoints makes it from the
// profiles that hold the key. A journal stores it, so its field names are part
// of a format on disk.
type Endpoints struct {
	Regions   []string // STS regions in which a key is proved: those of the profiles, then the partition's default; no duplicates, never empty after ResolveEndpoints
	Partition string   // aws, aws-cn, aws-us-gov, ...
	IAMURL    string   // custom endpoint, "" for AWS's own
	STSURL    string   // custom endpoint, "" for AWS's own
	FIPS      bool     // FIPS 140 endpoints; never together with a custom endpoint
	CABundle  string   // PEM file of additional certificate authorities, "" for none
	DualStack bool     `json:",omitzero"` // names that have IPv6 addresses too, except for a service with a custom endpoint
	GlobalSTS bool     `json:",omitzero"` // sts.amazonaws.com in place of sts.us-east-1.amazonaws.com; never together with FIPS, DualStack or STSURL
}

// IsMFACode reports whether text has the shape of an MFA code: six digits.
func IsMFACode(text string) bool { return len(text) == 6 && strings.Trim(text, "0123456789") == "" }

// Identity is the owner of a key, as STS GetCallerIdentity names it.
type Identity struct {
	Account   string // 12 digits
	ARN       string
	UserID    string // AIDA... for a user; survives a change of name or path
	Partition string // of the ARN: what AWS says, not what the region suggests
	User      string // last segment of the ARN's path, "" unless IsUser; unique in the account
	Root      bool   // the account's root user, whose keys keyd leaves alone
	IsUser    bool   // an IAM user, whose keys can be rotated
}

// Use is the last use of a key that AWS has recorded: when, for which service
// and in which region. AWS records at most one use every 15 minutes and shows
// it minutes to hours later.
// Source: IAM API reference, AccessKeyLastUsed.
type Use struct {
	At      time.Time `json:"at,omitzero"` // zero: never, as far as AWS knows
	Service string    `json:"service"`     // e.g. "s3"; "" when never used
	Region  string    `json:"region"`      // e.g. "eu-west-1"; "" when never used
}

// ShowsCodes reports whether the MFA device with this serial number shows codes of six
// digits, which STS takes. A security key or a passkey does not.
// Source: IAM user guide, "MFA in IAM": the ARNs of FIDO devices have u2f in the place of
// mfa; a hardware token has a serial number.
func ShowsCodes(serial string) bool {
	f := strings.SplitN(serial, ":", 6)
	return len(f) != 6 || f[0] != "arn" || strings.HasPrefix(f[5], "mfa/")
}
