package rotate

import (
	"context"

	"keyd/credfile"
	"keyd/daemon/decide"
)

// LookToPruneAs asks AWS about a key whose id, as the files show it, does not
// tell the account, and signs with key.
func (d *Rotator) LookToPruneAs(ctx context.Context, id string, key credfile.Key) error {
	u := &target{facts: decide.Facts{ID: id, Profiles: []string{"default"}}, pair: key}
	u.endpoints.Partition, u.endpoints.Regions = "aws", []string{"us-east-1"}
	return d.lookBeforePrune(ctx, u, "default")
}

// SetProofRounds makes a proof take n successes in a row for enough.
func (d *Rotator) SetProofRounds(n int) { d.proofRounds = n }

// Limits that the tests in package rotate_test measure against.
const (
	ProveHardLimit = proveHardLimit
	MuteLimit      = muteLimit
	ProveSoftLimit = proveSoftLimit
	SettleMin      = settleMin
	SettleMax      = settleMax
	OrphanEarly    = orphanEarly
	OrphanWindow   = orphanWindow
)
