package daemon

import (
	"context"

	"keyd/credfile"
)

// lookToPruneAs asks AWS about a key whose id, as the files show it, does not
// tell the account, and signs with key.
func (d *Daemon) lookToPruneAs(ctx context.Context, id string, key credfile.Key) error {
	u := &unit{facts: Facts{ID: id, Profiles: []string{"default"}}, key: key}
	u.site.Partition, u.site.Regions = "aws", []string{"us-east-1"}
	return d.lookToPrune(ctx, u, "default")
}
