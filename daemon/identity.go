package daemon

import (
	"context"
	"fmt"

	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
)

// askIdentity asks AWS whose key client signs with, in the first region that
// knows the key. A region that is turned off, or where STS is turned off, says
// nothing about a key, and the next one is asked. The error is the first
// region's.
func (t *target) askIdentity(ctx context.Context, client *iam.Client) (who remote.Identity, err error) {
	for _, region := range t.usableRegions() {
		found, regionErr := client.CallerIdentity(ctx, region)
		if regionErr == nil {
			return found, nil
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

// identifyOnce asks AWS whose key it is, at most once in a pass.
func (d *Rotator) identifyOnce(ctx context.Context, client *iam.Client, t *target) error {
	if t.identified {
		return nil
	}
	who, err := t.askIdentity(ctx, client)
	if err != nil {
		return err
	}
	return d.adoptIdentity(t, who)
}

// adoptIdentity records whose key it is. If the user has another name than
// before, what was known of the user's keys is dropped.
func (d *Rotator) adoptIdentity(t *target, who remote.Identity) error {
	if who.Partition != t.endpoints.Partition {
		return &needPersonError{text: fmt.Sprintf("the key belongs to partition %s, but its profile points to %s: nothing was changed", who.Partition, t.endpoints.Partition),
			hint: fmt.Sprintf("set region in profile %s to a region of partition %s", t.facts.Profiles[0], who.Partition)}
	}
	t.identified = true
	seen := &Seen{Account: who.Account, ARN: who.ARN, Root: who.Root}
	if who.IsUser {
		seen.User, seen.UserID = who.User, who.UserID
	}
	if old := t.facts.Seen; old != nil && old.Account == seen.Account && old.User == seen.User {
		seen.At, seen.Offset, seen.Keys = old.At, old.Offset, old.Keys
	}
	t.facts.Seen = seen
	r := t.facts.Rotation
	if r == nil || d.readOnly || !who.IsUser || who.User == r.User || who.Account != r.Account || r.UserID != "" && r.UserID != who.UserID {
		return nil
	}
	r.User, r.ARN, r.UserID = who.User, who.ARN, who.UserID // otherwise calls go to a user who no longer exists, or to someone else
	return d.journalDir().Save(r)
}

// mayBeRenamed reports whether err is what AWS answers about a user who has
// been renamed: no such user, or access denied, since a policy that contains
// the user's own name no longer covers the old one.
func mayBeRenamed(err error) bool {
	class := iam.ClassOf(err)
	return err != nil && (class == iam.NoSuch || class == iam.Denied)
}

// checkRenamed asks again whose key it is, unless this pass has already asked,
// and reports whether the user now has another name.
func (d *Rotator) checkRenamed(ctx context.Context, t *target) bool {
	client, err := d.newClient(t, t.signingPair())
	if err != nil || t.identified {
		return false
	}
	defer client.Close()
	before := t.userName()
	return d.identifyOnce(ctx, client, t) == nil && t.userName() != before
}

// userName returns the user name to send in calls about the key, or "" when AWS
// has not named a user yet.
func (t *target) userName() string {
	switch {
	case t.facts.Rotation != nil:
		return t.facts.Rotation.User
	case t.facts.Seen != nil:
		return t.facts.Seen.User
	}
	return ""
}

// BelongsTo reports whether who is the user of the rotation. The unique user id
// decides, because the ARN changes when the user is renamed or moved to another
// path. The journal of an older keyd has no user id; then the user name
// decides, which is unique in an account.
// Source: IAM user guide, "IAM identifiers".
func (r *Rotation) BelongsTo(who remote.Identity) bool {
	switch {
	case who.Account != r.Account:
		return false
	case r.UserID != "":
		return who.UserID == r.UserID
	}
	return who.ARN == r.ARN || who.IsUser && who.User == r.User
}
