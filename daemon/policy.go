package daemon

import (
	"encoding/json"
	"slices"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// Policy returns, as JSON, the smallest IAM policy for the user whose key the
// profile shows. It makes no call to AWS. The partition and path of the user
// are those that a pass has seen, as remembered in status. Before the first
// pass, the partition is that of the profile's region, and the user has no
// path. For the zero profile the policy fits any user of partition aws.
// optional adds the permissions that keyd can do without.
func Policy(p credfile.Profile, status Status, getenv func(string) string, optional bool) (string, error) {
	partition, arn := "aws", ""
	if site, err := iam.ResolveEndpoints([]credfile.EndpointConfig{p.Endpoints}, getenv); err == nil && p.Name != "" {
		partition = site.Partition
	}
	i := slices.IndexFunc(status.Keys, func(l KeyStatus) bool { return l.KeyID != "" && l.KeyID == p.Key.ID && l.Seen != nil })
	if i >= 0 {
		arn = status.Keys[i].Seen.ARN
	}
	data, err := json.MarshalIndent(iam.LeastPolicy(partition, arn, optional), "", "  ")
	return string(data) + "\n", err
}
