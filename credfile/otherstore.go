package credfile

import (
	"cmp"
	"net/url"
	"strings"
)

// skipForStore decides by its settings whether the pair of a profile is the key of another
// store than AWS: MinIO, lakeFS and others hand out ids that look like those of AWS. Such a
// key must never sign a request to AWS. The settings count as any reader sees them.
//
// A profile with such a store may hold a key of AWS all the same. It then says so by naming
// an endpoint of IAM in its services section. mayBeAWS says that the id has the shape of
// AWS's.
func (v *profileIndex) skipForStore(p *joinedProfile, mayBeAWS bool) (Skip, string) {
	if !v.namesEndpoints {
		return Rotatable, ""
	}
	host := v.endpointConfig(p).otherStore()
	if host == "" && p.known {
		host = v.lenientEndpointConfig(p).otherStore()
	}
	if host == "" {
		return Rotatable, ""
	}
	if !mayBeAWS {
		return OtherStore, "key of another store: the profile points to " + host + ", and names no endpoint of IAM; if there is one, name it as endpoint_url of iam in a [services] section"
	}
	return OtherStore, "key of another store: the profile points to " + host + ", which is not AWS, and names no endpoint of IAM; " +
		"if it is a key of AWS, name https://iam.amazonaws.com and https://sts.amazonaws.com, or those of its partition, as endpoint_url of iam and of sts in a [services] section; if the store has an IAM, name that one there"
}

// otherStore returns the host of another store that the settings name, or "". It never
// returns a part of a URL that may be secret.
func (s EndpointConfig) otherStore() string {
	if host := ForeignHost(s.PluginIAM); host != "" && (s.EndpointIAM == "" || s.IgnoreEndpoints) {
		return host
	}
	urls := []string{s.PluginS3}
	if !s.IgnoreEndpoints {
		if s.EndpointIAM != "" {
			return ""
		}
		urls = append(urls, cmp.Or(s.EndpointS3, s.EndpointURL))
	}
	for _, endpoint := range urls {
		if host := ForeignHost(endpoint); host != "" {
			return host
		}
	}
	return ""
}

// ForeignHost returns the host of a URL, with its port, unless the host is AWS's. It
// returns "" for a URL without a host, and for the empty text.
func ForeignHost(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" || isAWSHost(u.Hostname()) {
		return ""
	}
	return u.Host
}

// CutAWSDomain returns the part of a host name in front of a domain of AWS, for which only
// AWS gives out names: s3.eu-west-1 for s3.eu-west-1.amazonaws.com. ok is false for other
// hosts. That is no proof that AWS runs the host: machines, load balancers and interfaces
// of its customers have such names too.
// Source: the partition table of aws-sdk-go-v2, DnsSuffix and DualStackDnsSuffix.
func CutAWSDomain(host string) (name string, ok bool) {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	for _, domain := range [...]string{
		".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu",
		".api.aws", ".api.amazonwebservices.com.cn", ".api.amazonwebservices.eu",
		".c2s.ic.gov", ".sc2s.sgov.gov", ".csp.hci.ic.gov", ".cloud.adc-e.uk",
		".api.aws.ic.gov", ".api.aws.scloud", ".api.aws.hci.ic.gov", ".api.cloud-aws.adc-e.uk",
	} {
		if name, ok := strings.CutSuffix(host, domain); ok {
			return name, true
		}
	}
	return "", false
}

// isAWSHost reports whether AWS runs the host, as far as its name tells.
func isAWSHost(host string) bool {
	name, ok := CutAWSDomain(host)
	if !ok {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		switch label {
		case "compute", "elb", "execute-api", "lambda-url", "elasticbeanstalk": // of AWS's customers
			return false
		}
	}
	return !strings.HasPrefix(name, "compute-") && !strings.Contains(name, ".compute-")
}
