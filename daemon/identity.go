package daemon

import (
	"context"
	"fmt"

	"keyd/daemon/iam"
)

// identity asks whose key client signs with, in the first region that knows it:
// one that is off, or in which STS is, says nothing of a key. The error is that
// of the first region.
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

// identify asks AWS whose key it is, once in a pass.
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

// adopt takes down whose key it is. Which keys the user has is forgotten with
// another name.
func (d *Daemon) adopt(u *unit, who iam.Identity) error {
	if who.Partition != u.site.Partition {
		return &needPersonError{text: fmt.Sprintf("the key belongs to partition %s, but its profile points to %s: nothing was changed", who.Partition, u.site.Partition),
			run: fmt.Sprintf("set region in the profile %s to one of %s", u.facts.Profiles[0], who.Partition)}
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
	r.User, r.ARN, r.UserID = who.User, who.ARN, who.UserID // else its calls go to a user who is not there, or to another one
	return d.journal().Save(r)
}

// isNobody reports whether an answer is what AWS gives for a user who has another
// name by now: a policy that speaks of the user's own name denies the old one.
func isNobody(err error) bool {
	class := iam.ClassOf(err)
	return err != nil && (class == iam.NoSuch || class == iam.Denied)
}

// renamed asks again whose key it is, when that was only remembered, and reports
// whether the user has another name.
func (d *Daemon) renamed(ctx context.Context, u *unit) bool {
	client, err := d.client(u, u.signer())
	if err != nil || u.identified {
		return false
	}
	defer client.Close()
	before := u.user()
	return d.identify(ctx, client, u) == nil && u.user() != before
}

// user is the name under which the key's user is called.
func (u *unit) user() string {
	switch {
	case u.facts.Rotation != nil:
		return u.facts.Rotation.User
	case u.facts.Seen != nil:
		return u.facts.Seen.User
	}
	return ""
}

// isOf reports whether who is the rotation's user. The unique id decides: the
// ARN changes when the user is renamed or moved to another path. From an older
// keyd there is none, and the name must do, which is unique in an account.
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
