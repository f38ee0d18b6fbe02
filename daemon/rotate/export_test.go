package rotate

import (
	"context"
	"keyd/daemon/state"

	"keyd/credfile"
	"keyd/daemon/decide"
)

// LookToPruneAs looks before a prune, signed with key, at a key whose id does
// not reveal its account.
func (d *Rotator) LookToPruneAs(ctx context.Context, id string, key credfile.Key) error {
	u := &target{facts: decide.Facts{ID: id, Profiles: []string{"default"}}, pair: key, progress: &progress{}}
	u.endpoints.Partition, u.endpoints.Regions = "aws", []string{"us-east-1"}
	return d.lookBeforePrune(ctx, u, "default")
}

// StepOneByOne makes a round perform its steps in order, so that each effect has the
// same number in every run.
func (d *Rotator) StepOneByOne() { d.oneByOne = true }

// Limits against which the tests in package rotate_test measure.
const (
	ProveHardLimit = proveHardLimit
	MuteLimit      = muteLimit
	ProveSoftLimit = proveSoftLimit
	SettleMin      = settleMin
	SettleMax      = settleMax
	OrphanEarly    = orphanEarly
	OrphanWindow   = orphanWindow
)

// AppendEntry adds an entry to the history, as a hook does that runs outside of a pass.
func (d *Rotator) AppendEntry(e state.HistoryEntry) error { return d.appendEntry(e) }
