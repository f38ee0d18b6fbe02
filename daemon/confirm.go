package daemon

import (
	"context"
	"slices"
	"time"

	"keyd/daemon/iam"
)

// confirmFor is how long a change is waited for in ListAccessKeys: the list
// lags behind by seconds.
const confirmFor = 30 * time.Second

// deleteKey deletes and waits until the list shows it. A key that is not there
// was deleted before.
func (d *Daemon) deleteKey(ctx context.Context, u *unit, client *iam.Client, id string) error {
	if err := client.DeleteKey(ctx, u.facts.Rotation.User, id); err != nil && iam.ClassOf(err) != iam.NoSuch {
		return err
	}
	return d.confirm(ctx, u, client, func(keys []iam.KeyInfo) bool { return contains(keys, id) == nil })
}

// confirm lists until ok. The list lags, so a "no" is asked again for a while.
func (d *Daemon) confirm(ctx context.Context, u *unit, client *iam.Client, ok func([]iam.KeyInfo) bool) error {
	began := d.Now()
	for {
		listing, err := client.ListKeys(ctx, u.user())
		if err == nil && ok(listing.Keys) {
			return nil
		}
		if d.Now().Sub(began) >= confirmFor {
			if err != nil {
				return err
			}
			return &gaveUpError{text: "IAM did not show the change within " + formatAge(confirmFor) + "; it is confirmed by the next pass"}
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// listing lists again, for a while, when the list shows a key Active that keyd
// made Inactive a moment ago: each list may come from another machine, and one
// that lags must not be taken for a person who wants the key back.
func (d *Daemon) listing(ctx context.Context, client *iam.Client, u *unit, user string) (iam.Listing, error) {
	for began := d.Now(); ; {
		listing, err := client.ListKeys(ctx, user)
		r := u.facts.Rotation
		if err != nil || r == nil || d.Now().Sub(r.Deactivated) >= undisturbed || d.Now().Sub(began) >= confirmFor {
			return listing, err
		}
		if old := contains(listing.Keys, r.Old.ID); old == nil || old.Status != iam.Active {
			return listing, nil
		}
		if err := pause(ctx, time.Second); err != nil {
			return iam.Listing{}, err
		}
	}
}

func contains(keys []iam.KeyInfo, id string) *iam.KeyInfo {
	i := slices.IndexFunc(keys, func(k iam.KeyInfo) bool { return k.ID == id })
	if i < 0 {
		return nil
	}
	return &keys[i]
}

func without(keys []SeenKey, id string) []SeenKey {
	var left []SeenKey
	for _, k := range keys {
		if k.ID != id {
			left = append(left, k)
		}
	}
	return left
}
