package iam

import (
	"fmt"
	"net/url"

	"keyd/credfile"
)

// IgnoredSettings returns a sentence about each variable of the environment that decides
// where other AWS tools go with the key of a profile, and that ResolveEndpoints does not
// take into account, nil if there is none. The settings of the profile itself are in its
// Warnings.
func IgnoredSettings(site credfile.EndpointConfig, getenv func(string) string) (texts []string) {
	resolved, err := ResolveEndpoints([]credfile.EndpointConfig{site}, getenv)
	if err != nil {
		return nil // nothing is asked
	}
	for _, name := range []string{"AWS_DEFAULT_REGION", "AWS_REGION"} {
		value := getenv(name)
		region, _ := plainRegion(value)
		if value != "" && PartitionOf(region) != resolved.Partition {
			texts = append(texts, fmt.Sprintf("%s in the environment is %q, which is not in partition %s: it does not count for keyd, and other AWS tools cannot use the key there",
				name, value, resolved.Partition))
		}
	}
	own := site.PluginS3 != "" || site.EndpointS3 != "" || getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") != ""
	if u, err := url.Parse(getenv("AWS_ENDPOINT_URL_S3")); err == nil && u.Hostname() != "" && !own && resolved.IAMURL == "" {
		if _, aws := credfile.CutAWSDomain(u.Hostname()); !aws {
			texts = append(texts, fmt.Sprintf("AWS_ENDPOINT_URL_S3 in the environment sends S3 to %s, but the profile does not: keyd takes the key for one of AWS; "+
				"if it is not, set endpoint_url for s3 in a [services] section of the profile", u.Host))
		}
	}
	return texts
}
