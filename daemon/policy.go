package daemon

import (
	"encoding/json"
	"slices"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// Policy returns, as JSON, the least IAM policy for the user whose key the
// profile shows. Nothing is asked of AWS: the partition and the path of the user
// are those that a pass has seen, as remembered in status; before one has, the
// partition is that of the profile's region, and the user has no path. The zero
// profile is any user of partition aws. optional adds what keyd does without.
func Policy(p credfile.Profile, status Status, getenv func(string) string, optional bool) (string, error) {
	partition, arn := "aws", ""
	if site, err := iam.Resolve([]credfile.Site{p.Site}, getenv); err == nil && p.Name != "" {
		partition = site.Partition
	}
	i := slices.IndexFunc(status.Keys, func(l KeyLine) bool { return l.Key != "" && l.Key == p.Key.ID && l.Seen != nil })
	if i >= 0 {
		arn = status.Keys[i].Seen.ARN
	}
	data, err := json.MarshalIndent(iam.LeastPolicy(partition, arn, optional), "", "  ")
	return string(data) + "\n", err
}
