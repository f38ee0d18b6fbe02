package daemon

import (
	"context"

	"keyd/credfile"
)

// lookToPruneAs asks AWS about a key whose id, as the files show it, does not
// tell the account, and signs with key.
func (d *Rotator) lookToPruneAs(ctx context.Context, id string, key credfile.Key) error {
	u := &target{facts: Facts{ID: id, Profiles: []string{"default"}}, pair: key}
	u.endpoints.Partition, u.endpoints.Regions = "aws", []string{"us-east-1"}
	return d.lookBeforePrune(ctx, u, "default")
}
