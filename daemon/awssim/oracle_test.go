package awssim_test

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

// constant returns fixed delays, so that a test can predict outages.
func constant() awssim.Lag {
	return awssim.Lag{
		Create:   awssim.Range{Min: 7 * time.Second},
		Revoke:   awssim.Range{Min: 3 * time.Second},
		Replicas: 3,
	}
}

func TestOutageIsExact(t *testing.T) {
	bubble(t, constant(), func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		start := time.Now()
		at := func(d time.Duration) time.Time { return start.Add(d) }
		fresh := old.create(t)       // usable from 7 s
		time.Sleep(20 * time.Second) // 20 s
		if err := u.SetStatus(old.id, "Inactive"); err != nil {
			t.Fatal(err) // refused from 23 s
		}
		time.Sleep(20 * time.Second) // 40 s
		if err := u.SetStatus(old.id, "Active"); err != nil {
			t.Fatal(err) // usable from 47 s
		}
		time.Sleep(time.Minute)
		show := func(d time.Duration, k client) awssim.ShownPair {
			return awssim.ShownPair{At: at(d), ID: k.id, Secret: k.secret}
		}
		for _, tc := range []struct {
			name  string
			held  []awssim.ShownPair
			until time.Duration
			want  time.Duration
		}{
			{"nothing shown", nil, 90 * time.Second, 0},
			{"old while it works", []awssim.ShownPair{show(0, old)}, 23 * time.Second, 0},
			{"old through its quarantine", []awssim.ShownPair{show(0, old)}, 90 * time.Second, 24 * time.Second},
			{"old, cut in the middle", []awssim.ShownPair{show(0, old)}, 30 * time.Second, 7 * time.Second},
			{"new at once", []awssim.ShownPair{show(0, fresh)}, 90 * time.Second, 7 * time.Second},
			{"swapped too early", []awssim.ShownPair{show(0, old), show(4*time.Second, fresh)}, 90 * time.Second, 3 * time.Second},
			{"swapped when proven", []awssim.ShownPair{show(0, old), show(7*time.Second, fresh)}, 90 * time.Second, 0},
			{"put back and mended", []awssim.ShownPair{show(0, old), show(8*time.Second, fresh), show(25*time.Second, old), show(26*time.Second, fresh)}, 90 * time.Second, time.Second},
			{"a wrong secret", []awssim.ShownPair{show(0, old), show(10*time.Second, old.with(fresh.id, old.secret)), show(12*time.Second, fresh)}, 90 * time.Second, 2 * time.Second},
			{"an unknown key", []awssim.ShownPair{show(0, old.with(noKey, "x"))}, 5 * time.Second, 5 * time.Second},
			{"shown after the end", []awssim.ShownPair{show(0, old), show(50*time.Second, old.with(noKey, "x"))}, 10 * time.Second, 0},
		} {
			if got := c.Outage(tc.held, at(tc.until)); got != tc.want {
				t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
			}
		}
	})
}

// TestOutageAgreesWithRequests compares the computed outage of a new key with the
// last refusal that a client receives in any view.
func TestOutageAgreesWithRequests(t *testing.T) {
	bubble(t, laggy(), func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		old.call(t, "GetCallerIdentity") // makes this view count
		start := time.Now()
		fresh := old.create(t)
		var last time.Duration
		for range 240 {
			for range 12 { // any replica may answer: ask often enough to reach each
				if fresh.call(t, "GetCallerIdentity").status != 200 || fresh.call(t, "ListAccessKeys").status != 200 {
					last = time.Since(start)
				}
			}
			time.Sleep(50 * time.Millisecond)
		}
		got := c.Outage([]awssim.ShownPair{{At: start, ID: fresh.id, Secret: fresh.secret}}, time.Now())
		if got < last || got > last+100*time.Millisecond {
			t.Errorf("computed %v, last refusal after %v", got, last)
		}
	})
}

func TestViewsCountOnceUsedOrConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		measure := func(regions, calls []string, closed ...string) time.Duration {
			c := awssim.New(awssim.Options{Seed: 6, Lag: laggy(), Regions: regions})
			u := c.AddUser(account, "/", "alice")
			old := newClient(c, "", "")
			old.id, old.secret = u.AddKey(0)
			if !c.IsUsable(old.id, old.secret) || c.IsUsable(old.id, "x") || c.IsUsable(noKey, old.secret) {
				t.Error("Usable does not distinguish good pairs from bad ones")
			}
			for _, r := range closed {
				c.CloseRegion(r)
			}
			id, secret := u.CreateKey()
			for _, r := range calls {
				old.in(r).call(t, "GetCallerIdentity")
			}
			return c.Outage([]awssim.ShownPair{{At: start, ID: id, Secret: secret}}, start.Add(time.Minute))
		}
		regions := []string{"eu-west-1", "eu-west-2", "eu-west-3"}
		iam, configured, used := measure(nil, nil), measure(regions, nil), measure(nil, regions)
		if iam >= configured || configured != used {
			t.Errorf("iam alone %v, with three regions configured %v, used %v", iam, configured, used)
		}
		if off := measure(regions, nil, regions...); off != iam {
			t.Errorf("closed regions count: %v, want %v", off, iam)
		}
		if cn := measure([]string{"cn-north-1"}, nil); cn != iam {
			t.Errorf("a region of another partition counts: %v, want %v", cn, iam)
		}
	})
}

func TestOrphansAndDelivery(t *testing.T) {
	bubble(t, awssim.Lag{}, func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		u.CreateKey()
		if o := c.Orphans(); len(o) != 0 {
			t.Errorf("a person's own key is an orphan: %v", o)
		}
		u.DeleteKey(c.Keys(u)[1].ID)
		fresh := old.create(t)
		if o := c.Orphans(); len(o) != 0 {
			t.Errorf("a delivered key is an orphan: %v", o)
		}
		if o := c.Orphans(fresh.id); len(o) != 0 {
			t.Errorf("a known key is an orphan: %v", o)
		}
		if o := c.Orphans("AKIAOTHER"); !slices.Equal(o, []string{fresh.id}) {
			t.Errorf("a key of unknown id is not an orphan: %v", o)
		}
		old.call(t, "UpdateAccessKey", "AccessKeyId", fresh.id, "Status", "Inactive")
		if o := c.Orphans("AKIAOTHER"); len(o) != 0 {
			t.Errorf("an inactive key is an orphan: %v", o)
		}
	})
}

func TestTouchedDistinguishesStrangersFromTheLine(t *testing.T) {
	bubble(t, awssim.Lag{}, func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		set := func(k client, id, status string) {
			k.call(t, "UpdateAccessKey", "AccessKeyId", id, "Status", status)
		}
		set(old, old.id, "Active") // the key itself
		lost := old.create(t)
		old.call(t, "DeleteAccessKey", "AccessKeyId", lost.id) // a key it made
		lost = old.create(t)
		set(old, lost.id, "Inactive")
		u.DeleteKey(lost.id)
		fresh := old.create(t)
		set(fresh, old.id, "Inactive")                           // the predecessor
		fresh.call(t, "DeleteAccessKey", "AccessKeyId", lost.id) // a sibling
		if touched := c.ForeignCalls(); len(touched) != 0 {
			t.Fatalf("calls within the line count: %+v", touched)
		}
		foreign, _ := u.CreateKey()
		set(fresh, foreign, "Inactive")
		fresh.call(t, "DeleteAccessKey", "AccessKeyId", noKey)
		touched := c.ForeignCalls()
		if len(touched) != 2 || touched[0].Target != foreign || touched[0].Asked != "Inactive" || touched[1].Target != noKey {
			t.Errorf("calls to other keys: %+v", touched)
		}
	})
}

func TestConsoleRefusesUnknownKeysAndStatuses(t *testing.T) {
	c := awssim.New(awssim.Options{})
	alice, bob := c.AddUser(account, "/", "alice"), c.AddUser(account, "/", "bob")
	id, _ := bob.AddInactiveKey(time.Hour)
	if got := c.Keys(bob)[0].Status; got != "Inactive" {
		t.Errorf("status %s", got)
	}
	for name, err := range map[string]error{
		"another user's key": alice.SetStatus(id, "Active"),
		"no such status":     bob.SetStatus(id, "Dormant"),
		"delete another's":   alice.DeleteKey(id),
		"use another's":      alice.UseKey(id, "s3", "eu-west-1"),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := bob.SetStatus(id, "Expired"); err != nil || c.Keys(bob)[0].Status != "Expired" {
		t.Errorf("expired: %v, %+v", err, c.Keys(bob))
	}
	if err := bob.UseKeyAgo(id, "s3", "eu-west-1", time.Minute); err != nil || c.Keys(bob)[0].LastUsed.Service != "s3" {
		t.Errorf("use: %v, %+v", err, c.Keys(bob))
	}
}

// TestConcurrentCallersRespectTheQuota also serves the race detector. Whatever the
// order of the calls, a third key is refused.
func TestConcurrentCallersRespectTheQuota(t *testing.T) {
	c := awssim.New(awssim.Options{Seed: 9})
	u := c.AddUser(account, "/", "alice")
	id, secret := u.AddKey(time.Hour)
	k := newClient(c, id, secret)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				k.try(t, "CreateAccessKey")
				k.try(t, "GetCallerIdentity")
				c.Orphans()
				c.Calls()
			}
		})
	}
	wg.Wait()
	if n := len(c.Keys(u)); n != 2 {
		t.Errorf("%d keys, want 2", n)
	}
	if n := len(c.Calls()); n != 160 {
		t.Errorf("%d calls, want 160", n)
	}
}
