package iam

import "strings"

// PartitionOf returns the partition that region belongs to, or "" when its name
// fits the pattern of no partition. The SDK silently sends such a region to
// partition aws, where a key of another partition is refused as if it had been
// deleted.
// Source: the partition table of aws-sdk-go-v2, aws/endpoints (regionRegex).
func PartitionOf(region string) string {
	if p, ok := strings.CutSuffix(region, "-global"); ok && homeRegion(p) != "" {
		return p
	}
	area, rest, ok := strings.Cut(region, "-")
	if !ok || !isRegionTail(rest) {
		return ""
	}
	for _, p := range []struct{ prefix, partition string }{
		{"cn-", "aws-cn"},
		{"us-gov-", "aws-us-gov"},
		{"us-iso-", "aws-iso"},
		{"us-isob-", "aws-iso-b"},
		{"us-isof-", "aws-iso-f"},
		{"eu-isoe-", "aws-iso-e"},
		{"eusc-de-", "aws-eusc"},
	} {
		if strings.HasPrefix(region, p.prefix) {
			return p.partition
		}
	}
	switch area {
	case "us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx":
		if strings.Count(rest, "-") == 1 {
			return "aws"
		}
	}
	return ""
}

// isRegionTail reports whether s is built like the rest of a region name: words
// of lower-case letters and then a number.
func isRegionTail(s string) bool {
	words := strings.Split(s, "-")
	last := len(words) - 1
	for i, w := range words {
		digits := strings.Trim(w, "0123456789") == ""
		letters := strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") == ""
		if w == "" || i == last && !digits || i < last && !letters {
			return false
		}
	}
	return last >= 1
}

// homeRegion returns the region for which IAM requests of a partition are signed,
// which is also the default region of its STS, or "" for an unknown partition.
// Source: IAM endpoint rules of aws-sdk-go-v2; AWS general reference, "IAM
// endpoints and quotas".
func homeRegion(partition string) string {
	switch partition {
	case "aws":
		return "us-east-1"
	case "aws-cn":
		return "cn-north-1"
	case "aws-us-gov":
		return "us-gov-west-1"
	case "aws-iso":
		return "us-iso-east-1"
	case "aws-iso-b":
		return "us-isob-east-1"
	case "aws-iso-e":
		return "eu-isoe-west-1"
	case "aws-iso-f":
		return "us-isof-south-1"
	case "aws-eusc":
		return "eusc-de-east-1"
	}
	return ""
}

// guessRegion says which region a name was probably meant to be, or how one looks.
func guessRegion(name string) string {
	lower := strings.ToLower(strings.TrimSpace(name))
	switch zone := strings.TrimRight(lower, "abcdefghijklmnopqrstuvwxyz"); {
	case PartitionOf(lower) != "":
		return "did you mean " + lower + "?"
	case PartitionOf(zone) != "":
		return "did you mean " + zone + "? that is one of its availability zones"
	}
	return "a region looks like eu-west-1"
}

// ExampleRegion returns a region of a partition, for a hint, or "" for an unknown one.
func ExampleRegion(partition string) string { return homeRegion(partition) }

// isGlobalSTSRegion reports whether STS had only its global endpoint for the region, which
// sts_regional_endpoints = legacy keeps to.
// Source: STS endpoint rules of aws-sdk-go-v2, UseGlobalEndpoint; botocore, args.py,
// LEGACY_GLOBAL_STS_REGIONS.
func isGlobalSTSRegion(region string) bool {
	switch region {
	case "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "aws-global", "ca-central-1",
		"eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
		"us-east-1", "us-east-2", "us-west-1", "us-west-2":
		return true
	}
	return false
}

// plainRegion turns the pseudo regions of old configurations, such as
// fips-us-east-1, us-east-1-fips or aws-global, into the real region. fips
// reports whether the name asked for FIPS endpoints.
func plainRegion(region string) (name string, fips bool) {
	name = strings.TrimSuffix(strings.TrimPrefix(region, "fips-"), "-fips")
	fips = name != region
	if p, ok := strings.CutSuffix(name, "-global"); ok && homeRegion(p) != "" {
		name = homeRegion(p)
	}
	return name, fips
}

// isHostLabel reports whether s can be one label of a host name.
func isHostLabel(s string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyz0123456789-"
	return s != "" && len(s) <= 63 && strings.Trim(s, allowed) == "" && s[0] != '-'
}
