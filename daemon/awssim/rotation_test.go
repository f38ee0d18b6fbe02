package awssim_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"keyd/daemon/awssim"
)

func TestRotationFromEndToEnd(t *testing.T) {
	for _, tc := range []struct {
		name     string
		listener bool
	}{{"in process", false}, {"on loopback", true}} {
		t.Run(tc.name, func(t *testing.T) {
			c := awssim.New(awssim.Options{Seed: 1})
			u := c.AddUser("111122223333", "/eng/", "alice")
			oldID, oldSecret := u.AddKey(60 * 24 * time.Hour)
			start := time.Now()
			old := newClient(c, oldID, oldSecret)
			if tc.listener {
				s := httptest.NewServer(c)
				defer s.Close()
				old.doer, old.base = s.Client(), s.URL
			}

			if got := old.call(t, "GetCallerIdentity").Identity.Arn; got != "arn:aws:iam::111122223333:user/eng/alice" {
				t.Fatalf("Arn %q", got)
			}
			made := old.call(t, "CreateAccessKey", "UserName", "alice").Key
			fresh := old.with(made.AccessKeyId, made.SecretAccessKey)
			swapped := time.Now()
			if r := fresh.call(t, "UpdateAccessKey", "UserName", "alice", "AccessKeyId", oldID, "Status", "Inactive"); r.status != 200 {
				t.Fatalf("update: %s", r.body)
			}
			if r := old.call(t, "GetCallerIdentity"); r.Code != "InvalidClientTokenId" {
				t.Fatalf("inactive key: %s", r.body)
			}
			if r := fresh.call(t, "DeleteAccessKey", "AccessKeyId", oldID); r.status != 200 {
				t.Fatalf("delete: %s", r.body)
			}
			keys := c.Keys(u)
			if len(keys) != 1 || keys[0].ID != made.AccessKeyId || keys[0].CreatedBy != oldID || !keys[0].Delivered {
				t.Errorf("keys: %+v", keys)
			}
			held := []awssim.ShownPair{{At: start, ID: oldID, Secret: oldSecret}, {At: swapped, ID: made.AccessKeyId, Secret: made.SecretAccessKey}}
			if d := c.Outage(held, time.Now()); d != 0 {
				t.Errorf("outage %v", d)
			}
			if n := len(c.Calls()); n != 5 {
				t.Errorf("%d calls, want 5", n)
			}
			if o, f := c.Orphans(), c.ForeignCalls(); len(o)+len(f) != 0 {
				t.Errorf("orphans %v, foreign keys touched by %v", o, f)
			}
		})
	}
}
