package iam_test

import (
	"slices"
	"strings"

	"keyd/credfile"
)

// difference is a reason for which keyd reads a case otherwise than botocore.
type difference struct {
	name, why string
	about     []string // the problems that it explains
	applies   func(v botoVector, a keydAnswer) bool
}

var (
	endpoints  = []string{"sts", "iam"}
	everything = []string{"sts", "iam", "bundle", "s3", "who", "key", "profile"}
)

// differences lists all of them. Each must be needed.
var differences = [...]difference{
	{"a value that readers disagree on", "keyd warns of quotes, comments and indented lines around a value, and reads it as the other SDKs do: to botocore it makes no sense", everything,
		func(_ botoVector, a keydAnswer) bool { return warns(a, "the AWS CLI reads ") }},
	{"a clear connection", "a new secret must not travel without TLS: keyd refuses the endpoint", endpoints, refuses("without TLS")},
	{"a region that does not exist", "a mistyped region sends the key to a host that AWS does not have: keyd refuses it", endpoints, refuses("no AWS partition")},
	{"an odd boolean of the environment", "the Go SDK refuses it too, and what its owner meant is not known", endpoints, refuses("must be true or false")},
	{"FIPS and a custom endpoint", "the Go SDK refuses it too: nobody knows whether the endpoint is validated", endpoints, refuses("exclude each other")},
	{"one of two endpoints", "keyd needs both services, and refuses a key whose settings make one of them unusable", endpoints, func(v botoVector, a keydAnswer) bool {
		return a.err != nil && (v.Answer.STS.Error != "" || v.Answer.IAM.Error != "")
	}},
	{"a region of the environment", "the environment of keyd says nothing about the tools that use the profile, which names its region itself", endpoints, func(v botoVector, a keydAnswer) bool {
		own, set := a.profile.Endpoints.Region, v.Case.Env["AWS_DEFAULT_REGION"]
		return a.err == nil && own != "" && set != "" && own != set
	}},
	{"AWS_REGION", "botocore alone does not read it", endpoints, func(v botoVector, a keydAnswer) bool {
		return a.err == nil && a.profile.Endpoints.Region == "" && v.Case.Env["AWS_DEFAULT_REGION"] == "" && v.Case.Env["AWS_REGION"] != ""
	}},
	{"more than host and path in a URL", "keyd refuses what may be a password or a comment", endpoints, refuses("must hold scheme, host, port and path only")},
	{"a profile without a key", "keyd asks nothing, whatever else the profile signs in with", everything, func(v botoVector, a keydAnswer) bool {
		return a.profile.Key.IsZero() && a.profile.Skip != credfile.Unreadable && (v.Answer.Who.Method == "" || signer(v.Answer.Who.Method) == whoSigns(a.profile))
	}},
	{"a pair that not all readers find", "keyd warns, or refuses the pair", []string{"who", "key"}, func(v botoVector, a keydAnswer) bool {
		return a.profile.Skip == credfile.Unreadable || warns(a, "inside the brackets") || warns(a, "must end with ']'") || warns(a, "does not read the settings below this header") || warns(a, "ignore a profile with this name") ||
			v.Case.holds("[ "+v.Case.Profile)
	}},
	{"another store for other readers", "a key of another store must not be sent to AWS, whoever may find the store", []string{"s3"}, func(_ botoVector, a keydAnswer) bool {
		e := a.profile.Endpoints
		return a.profile.Skip == credfile.OtherStore && (e.IgnoreEndpoints || e.EndpointIAM != "" || !isForeign(e.EndpointS3) && !isForeign(e.EndpointURL))
	}},
	{"another store, but not in this environment", "a variable of keyd's environment makes no store's key one of AWS", []string{"s3"}, func(v botoVector, a keydAnswer) bool {
		return a.profile.Skip == credfile.OtherStore && (v.Case.Env["AWS_ENDPOINT_URL"] != "" || v.Case.Env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] != "")
	}},
	{"everything elsewhere by the environment", "keyd asks there, too, or where the environment has IAM", []string{"s3"}, func(v botoVector, a keydAnswer) bool {
		return a.profile.Skip == credfile.Rotatable && (v.Case.Env["AWS_ENDPOINT_URL"] != "" || v.Case.Env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] != "")
	}},
	{"rules of another version", "outside of partition aws, the rules for IAM with FIPS or dual-stack names change with the versions of the SDKs", []string{"iam"}, func(v botoVector, a keydAnswer) bool {
		return a.err == nil && (a.resolved.DualStack || a.resolved.FIPS) && a.resolved.Partition != "aws" && v.Answer.IAM.Error == ""
	}},
	{"a role with the pair of its own profile", "keyd rotates the pair with which the role is assumed", []string{"who"}, func(v botoVector, _ keydAnswer) bool {
		return signer(v.Answer.Who.Method) == "role" && v.Case.holds("source_profile = "+v.Case.Profile)
	}},
	{"a global region with variants", "botocore makes up sts-fips.aws-global.amazonaws.com, which does not exist; keyd asks the partition's region", []string{"sts"}, func(v botoVector, a keydAnswer) bool {
		return a.err == nil && strings.Contains(v.Answer.STS.URL, ".aws-global.")
	}},
}

// refuses returns the condition that keyd refuses the settings with these words.
func refuses(words string) func(botoVector, keydAnswer) bool {
	return func(_ botoVector, a keydAnswer) bool { return a.err != nil && strings.Contains(a.err.Error(), words) }
}

// warns reports whether keyd warns with these words about the profile.
func warns(a keydAnswer, words string) bool {
	return slices.ContainsFunc(a.profile.Warnings, func(w credfile.Problem) bool { return strings.Contains(w.Text, words) })
}
