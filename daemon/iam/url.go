package iam

import (
	"net/netip"
	"net/url"
	"strings"

	"keyd/credfile"
)

// profileURLs returns the custom URLs of IAM and STS for one profile, "" for
// AWS's own endpoint.
// Source: AWS SDKs and Tools reference guide, "Service-specific endpoints",
// precedence.
func profileURLs(site credfile.EndpointConfig, env environment) (iam, sts string, err error) {
	ignore := site.IgnoreEndpoints
	if set, ok, err := env.lookupBool("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"); err != nil {
		return "", "", err
	} else if ok {
		ignore = set
	}
	if ignore {
		return "", "", nil
	}
	global := env.lookup("AWS_ENDPOINT_URL")
	file := origin{site.EndpointURL, "endpoint_url"}
	ownIAM, ownSTS := env.lookup("AWS_ENDPOINT_URL_IAM"), env.lookup("AWS_ENDPOINT_URL_STS")
	if firstSet(global, ownIAM).value == "" || firstSet(global, ownSTS).value == "" {
		if site.ServicesProblem != "" {
			return "", "", newSettingError("services", site.ServicesProblem)
		}
	}
	iam, err = checkURL(firstSet(ownIAM, global, origin{site.EndpointIAM, "endpoint_url of iam"}, file))
	if err != nil {
		return "", "", err
	}
	sts, err = checkURL(firstSet(ownSTS, global, origin{site.EndpointSTS, "endpoint_url of sts"}, file))
	return iam, sts, err
}

// checkURL returns the URL in o without a trailing slash. It refuses a value that
// is not a URL, that carries a password, or that would send the new secret over
// a network in clear text.
func checkURL(o origin) (string, error) {
	if o.value == "" {
		return "", nil
	}
	u, err := url.Parse(o.value)
	switch {
	case err != nil || u.Hostname() == "":
		return "", newSettingError(o.from, "is not a URL with a host, such as https://host:4566")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", newSettingError(o.from, "must hold scheme, host, port and path only")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return strings.TrimSuffix(o.value, "/"), nil
	case u.Scheme == "http":
		return "", newSettingError(o.from, "is "+o.value+": without TLS anyone on the way can read a new secret; use https, or, if it is this machine, http://127.0.0.1 with the port")
	}
	return "", newSettingError(o.from, "is "+o.value+": the scheme must be https")
}

// isLoopback reports whether host is this machine, by name or by address.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// isAWS reports whether endpoint is one of AWS's own names for IAM or STS. The
// suffix alone proves nothing, because buckets, load balancers and machines of
// strangers have names under it too.
func isAWS(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	name, ok := credfile.CutAWSDomain(u.Hostname())
	return ok && isServiceName(name)
}

// isServiceName reports whether name is iam or sts, alone or followed by a
// region.
func isServiceName(name string) bool {
	service, region, regional := strings.Cut(name, ".")
	switch service {
	case "iam", "iam-fips", "sts", "sts-fips":
		return !regional || region == "us-gov" || region == "global" || PartitionOf(region) != ""
	}
	return false
}

// partitionOfHost returns the partition that an AWS host name reveals, or "".
func partitionOfHost(endpoint string) string {
	if !isAWS(endpoint) {
		return ""
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	for label := range strings.SplitSeq(u.Hostname(), ".") {
		if label == "us-gov" {
			return "aws-us-gov"
		}
		if p := PartitionOf(label); p != "" {
			return p
		}
	}
	return ""
}
