package daemon

import (
	"context"
	"fmt"

	"keyd/daemon/iam"
)

// askIdentity asks AWS whose key client signs with, in the first region that
// knows the key. A region that is turned off, or where STS is turned off, says
// nothing about a key, and the next one is asked. The error is the first
// region's.
func (u *unit) identity(ctx context.Context, client *iam.Client) (who iam.Identity, err error) {
	for _, region := range u.openRegions() {
		found, again := client.CallerIdentity(ctx, region)
		if again == nil {
			return found, nil
		}
		if err == nil {
			err = again
		}
		if class := iam.ClassOf(again); class != iam.BadKey && class != iam.Invalid {
			break
		}
	}
	return who, err
}

// identifyOnce asks AWS whose key it is, at most once in a pass.
func (d *Daemon) identify(ctx context.Context, client *iam.Client, u *unit) error {
	if u.identified {
		return nil
	}
	who, err := u.identity(ctx, client)
	if err != nil {
		return err
	}
	return d.adopt(u, who)
}

// adoptIdentity records whose key it is. If the user has another name than
// before, what was known of the user's keys is dropped.
func (d *Daemon) adopt(u *unit, who iam.Identity) error {
	if who.Partition != u.site.Partition {
		return &needPersonError{text: fmt.Sprintf("the key belongs to partition %s, but its profile points to %s: nothing was changed", who.Partition, u.site.Partition),
			run: fmt.Sprintf("set region in profile %s to a region of partition %s", u.facts.Profiles[0], who.Partition)}
	}
	u.identified = true
	seen := &Seen{Account: who.Account, ARN: who.ARN, Root: who.Root}
	if who.IsUser {
		seen.User, seen.UserID = who.User, who.UserID
	}
	if old := u.facts.Seen; old != nil && old.Account == seen.Account && old.User == seen.User {
		seen.At, seen.Offset, seen.Keys = old.At, old.Offset, old.Keys
	}
	u.facts.Seen = seen
	r := u.facts.Rotation
	if r == nil || d.readOnly || !who.IsUser || who.User == r.User || who.Account != r.Account || r.UserID != "" && r.UserID != who.UserID {
		return nil
	}
	r.User, r.ARN, r.UserID = who.User, who.ARN, who.UserID // otherwise calls go to a user who no longer exists, or to someone else
	return d.journal().Save(r)
}

// mayBeRenamed reports whether err is what AWS answers about a user who has
// been renamed: no such user, or access denied, since a policy that contains
// the user's own name no longer covers the old one.
func isNobody(err error) bool {
	class := iam.ClassOf(err)
	return err != nil && (class == iam.NoSuch || class == iam.Denied)
}

// checkRenamed asks again whose key it is, unless this pass has already asked,
// and reports whether the user now has another name.
func (d *Daemon) renamed(ctx context.Context, u *unit) bool {
	client, err := d.client(u, u.signer())
	if err != nil || u.identified {
		return false
	}
	defer client.Close()
	before := u.user()
	return d.identify(ctx, client, u) == nil && u.user() != before
}

// userName returns the user name to send in calls about the key, or "" when AWS
// has not named a user yet.
func (u *unit) user() string {
	switch {
	case u.facts.Rotation != nil:
		return u.facts.Rotation.User
	case u.facts.Seen != nil:
		return u.facts.Seen.User
	}
	return ""
}

// belongsTo reports whether who is the user of the rotation. The unique user id
// decides, because the ARN changes when the user is renamed or moved to another
// path. The journal of an older keyd has no user id; then the user name
// decides, which is unique in an account.
// Source: IAM user guide, "IAM identifiers".
func (r *Rotation) isOf(who iam.Identity) bool {
	switch {
	case who.Account != r.Account:
		return false
	case r.UserID != "":
		return who.UserID == r.UserID
	}
	return who.ARN == r.ARN || who.IsUser && who.User == r.User
}
