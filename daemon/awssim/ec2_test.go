package awssim_test

import (
	"strings"
	"testing"
	"time"

	"keyd/daemon/awssim"
)

// TestEC2LearnsOfAKeyLate: IAM and STS accept a new key long before EC2 does, and only
// the oracles that count EC2 say that the key does not work yet.
func TestEC2LearnsOfAKeyLate(t *testing.T) {
	lag := laggy()
	lag.EC2 = awssim.Range{Min: 3 * time.Minute, Max: 5 * time.Minute}
	bubble(t, lag, func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		if err := c.AskEC2(old.id, old.secret, "eu-west-1"); err != nil {
			t.Errorf("an old key: %v", err)
		}
		if r := old.call(t, "GetCallerIdentity"); r.Code != "" { // makes the region of STS count
			t.Fatal(r.body)
		}
		fresh := old.create(t)
		held := []awssim.ShownPair{{At: time.Now().Add(30 * time.Second), ID: fresh.id, Secret: fresh.secret}}
		time.Sleep(time.Minute)
		if !c.IsUsable(fresh.id, fresh.secret) || c.IsUsableEverywhere(fresh.id, fresh.secret) {
			t.Error("after a minute IAM and STS know the key, and EC2 does not")
		}
		if err := c.AskEC2(fresh.id, fresh.secret, "us-east-1"); err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("EC2 knows the key after a minute: %v", err)
		}
		time.Sleep(4 * time.Minute)
		for range 10 {
			if err := c.AskEC2(fresh.id, fresh.secret, "us-east-1"); err != nil || !c.IsUsableEverywhere(fresh.id, fresh.secret) {
				t.Errorf("after five minutes: %v", err)
			}
		}
		if err := c.AskEC2(fresh.id, old.secret, "us-east-1"); err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("the wrong secret: %v", err)
		}
		if out := c.Outage(held, time.Now()); out != 0 {
			t.Errorf("an outage of %s at IAM and STS", out)
		}
		if out := c.OutageEverywhere(held, time.Now()); out < 150*time.Second || out > 270*time.Second {
			t.Errorf("an outage of %s with EC2", out)
		}
		if use := c.Keys(u)[1].LastUsed; use.Service != "ec2" || use.Region != "us-east-1" {
			t.Errorf("the use is recorded as %+v", use)
		}
	})
}
