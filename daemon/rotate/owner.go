package rotate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
	"keyd/daemon/state"
)

// askRegion asks STS in one region whose key client signs with, and checks the answer. It
// is the only function that returns an identity, so nobody can use one that was not
// checked.
func (d *Rotator) askRegion(ctx context.Context, t *target, client *iam.Client, region string) (remote.Identity, error) {
	who, err := client.CallerIdentity(ctx, region)
	if err == nil {
		err = d.checkOwner(t, client.KeyID(), who)
	}
	if err != nil {
		return remote.Identity{}, err
	}
	return who, nil
}

// askOwner asks whose key client signs with, in the first region that knows the key. A
// region that is turned off, or where STS is turned off, says nothing about a key, and the
// next one is asked. The error is the first region's, except that a *wrongOwnerError
// ends the search.
func (d *Rotator) askOwner(ctx context.Context, t *target, client *iam.Client) (who remote.Identity, err error) {
	for _, region := range t.usableRegions() {
		found, regionErr := d.askRegion(ctx, t, client, region)
		if regionErr == nil {
			t.progress.noteOwner(client.KeyID())
			return found, nil
		}
		if isType[*wrongOwnerError](regionErr) { // what the endpoint has said so far is not to be believed either
			t.progress.owned = nil
			return who, regionErr
		}
		if err == nil {
			err = regionErr
		}
		if class := iam.ClassOf(regionErr); class != iam.BadKey && class != iam.Invalid {
			break
		}
	}
	return who, err
}

// confirmOwner asks whose key client signs with, unless this pass has found it out. No key
// is taken away without it: an endpoint that takes the key for somebody else's is not
// where the key lives, even if it lists the right keys.
func (d *Rotator) confirmOwner(ctx context.Context, t *target, client *iam.Client) error {
	if t.progress.hasOwner(client.KeyID()) {
		return nil
	}
	_, err := d.askOwner(ctx, t, client)
	return err
}

// deleteKey deletes a key of user, signed with a key whose owner is confirmed.
func (d *Rotator) deleteKey(ctx context.Context, t *target, client *iam.Client, user, id string) error {
	if err := d.confirmOwner(ctx, t, client); err != nil {
		return err
	}
	return client.DeleteKey(ctx, user, id)
}

// deactivateKey makes a key of user Inactive, signed with a key whose owner is confirmed.
func (d *Rotator) deactivateKey(ctx context.Context, t *target, client *iam.Client, user, id string) error {
	if err := d.confirmOwner(ctx, t, client); err != nil {
		return err
	}
	return client.SetStatus(ctx, user, id, iam.Inactive)
}

// checkOwner returns a *wrongOwnerError when an endpoint names an owner of the key id that
// cannot be its owner: a key never changes its account or its user. Such an endpoint is not
// where the key lives, whatever the environment says. Nothing is created or retired
// there, and what it says is not remembered as a fact about the key.
//
// An endpoint is contradicted by a rotation in progress, and by the user that it named
// before. A custom endpoint is also contradicted by whatever another endpoint has said, and
// by the account in the key id, unless it is a stand-in on this machine with an account that
// it makes up, or an IAM of its own, whose ids hold no account.
func (d *Rotator) checkOwner(t *target, id string, who remote.Identity) error {
	if who.Partition != t.endpoints.Partition {
		return &wrongOwnerError{who.ARN, fmt.Sprintf("the key belongs to partition %s, but its profile points to %s", who.Partition, t.endpoints.Partition), "nothing was changed",
			d.partitionHint(t, who.Partition)}
	}
	if r := t.facts.Rotation; r != nil && r.Account != "" && !t.isRotationOf(who) {
		return d.wrongOwner(t, id, who, fmt.Sprintf("its rotation is of a key of %s", cmp.Or(r.ARN, r.User+" in account "+r.Account)))
	}
	if seen := t.facts.Seen; t.facts.Rotation == nil && seen != nil && seen.User != "" && seen.UserID != "" && !isOwner(seen, who) && !t.mayChangeOwner() {
		refused := d.wrongOwner(t, id, who, "it said "+seen.ARN+" before")
		refused.hint += "; if what it says now is right: " + hint.Command("keyd rotate --force", t.facts.Profiles[0])
		return refused
	}
	if iam.CustomEndpoints(t.endpoints) == "" {
		return nil
	}
	for _, place := range slices.Sorted(maps.Keys(t.elsewhere)) {
		if seen := t.elsewhere[place].Seen; seen != nil && seen.Account != "" && !isOwner(seen, who) {
			return d.wrongOwner(t, id, who, fmt.Sprintf("%s said %s", describePlace(place), seen.ARN))
		}
	}
	account, revealed := decide.AccountFromID(t.facts.ID)
	if revealed && !t.namesIAM() && account != who.Account && !(iam.OnThisMachine(t.endpoints) && slices.Contains(standInAccounts[:], who.Account)) {
		return d.wrongOwner(t, id, who, "its id is one of account "+account)
	}
	return nil
}

// mayChangeOwner reports whether an endpoint may name another owner of the key at rest than
// before. A stand-in on this machine may restart with other ids, but not in the middle of
// a pass; and a person may say that what was known is wrong.
func (t *target) mayChangeOwner() bool {
	return !t.progress.identified && (iam.OnThisMachine(t.endpoints) || t.facts.Options.Manual && t.facts.Options.Force)
}

// isRotationOf reports whether who can be the user of the rotation in progress. The journal
// of an older keyd may not have the unique id of the user; then what AWS said before tells
// a user who was renamed from another one.
func (t *target) isRotationOf(who remote.Identity) bool {
	r, seen := t.facts.Rotation, t.facts.Seen
	if !who.IsUser || r.BelongsTo(who) {
		return who.IsUser
	}
	return r.UserID == "" && who.Account == r.Account && seen != nil && seen.Account == r.Account && seen.UserID == who.UserID
}

// standInAccounts are the accounts that stand-ins of AWS make up for every key.
// Source: the documentation of LocalStack ("Accounts") and moto ("DEFAULT_ACCOUNT_ID").
var standInAccounts = [...]string{"000000000000", "123456789012"}

// isOwner reports whether who can be the owner that was seen. The unique id of a user
// decides where both are known, because users are renamed and moved.
func isOwner(seen *decide.Seen, who remote.Identity) bool {
	switch {
	case seen.Account != who.Account || seen.Root != who.Root || (seen.User != "") != who.IsUser:
		return false
	case seen.UserID != "" && who.UserID != "" && who.IsUser:
		return seen.UserID == who.UserID
	}
	return seen.User == who.User
}

// describePlace returns who answers at an endpoint, named as in KeyStatus.Endpoint.
func describePlace(endpoint string) string {
	switch {
	case endpoint == "":
		return "AWS"
	case state.IsCustomEndpoint(endpoint):
		return endpoint
	}
	return "AWS (partition " + endpoint + ")"
}

// wrongOwner returns the error for an endpoint that names a wrong owner of the key id.
func (d *Rotator) wrongOwner(t *target, id string, who remote.Identity, known string) *wrongOwnerError {
	asked := iam.CustomEndpoints(t.endpoints)
	run := hint.AWSCommand("aws sts get-caller-identity", t.facts.Profiles[0])
	if asked != "" {
		run = d.endpointRemedy(t)
	}
	return &wrongOwnerError{who.ARN, fmt.Sprintf("%s says that %s belongs to %s, but %s", cmp.Or(asked, "AWS"), credfile.Short(id), who.ARN, known), "nothing was changed", run}
}

// wrongOwnerError reports that an endpoint names an owner of a key who cannot be its owner.
// Waiting does not cure it.
type wrongOwnerError struct {
	got   string // the ARN that was named
	claim string
	left  string // what keyd has changed
	hint  string
}

func (e *wrongOwnerError) Error() string { return e.claim + ": " + e.left }

// Hint returns the command that helps.
func (e *wrongOwnerError) Hint() string { return e.hint }

// orLeft returns err; a *wrongOwnerError gets left as its account of what keyd has changed.
func orLeft(err error, left string) error {
	if e, ok := errors.AsType[*wrongOwnerError](err); ok {
		return &wrongOwnerError{e.got, e.claim, left, e.hint}
	}
	return err
}
