package awssim_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

const account = "111122223333"

// laggy returns delays that are long after a creation and short for lists.
func laggy() awssim.Lag {
	return awssim.Lag{
		Create:   awssim.Range{Min: 3 * time.Second, Max: 10 * time.Second},
		Revoke:   awssim.Range{Min: 3 * time.Second, Max: 4 * time.Second},
		List:     awssim.Range{Min: time.Second, Max: 3 * time.Second},
		LastUsed: 7 * time.Minute,
		Replicas: 3,
	}
}

// bubble runs test in a synctest bubble with a cloud, a user and a client for the
// user's only key.
func bubble(t *testing.T, lag awssim.Lag, test func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client)) {
	synctest.Test(t, func(t *testing.T) {
		c := awssim.New(awssim.Options{Seed: 42, Lag: lag})
		u := c.AddUser(account, "/", "alice")
		id, secret := u.AddKey(24 * time.Hour)
		test(t, c, u, newClient(c, id, secret))
	})
}

// create makes a key and returns a client that signs with it.
func (c client) create(t testing.TB) client {
	t.Helper()
	r := c.call(t, "CreateAccessKey")
	if r.status != 200 {
		t.Fatalf("create: %s", r.body)
	}
	return c.with(r.Key.AccessKeyId, r.Key.SecretAccessKey)
}

// every collects the results of code, called every 100 ms for the duration d. An
// empty result is a success.
func every(t *testing.T, d time.Duration, code func() string) (codes []string) {
	for range d / (100 * time.Millisecond) {
		codes = append(codes, code())
		time.Sleep(100 * time.Millisecond)
	}
	return codes
}

func TestNewKeyIsRefusedThenFlickersThenWorks(t *testing.T) {
	for _, action := range []string{"GetCallerIdentity", "ListAccessKeys"} {
		t.Run(action, func(t *testing.T) {
			bubble(t, laggy(), func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
				fresh := old.create(t)
				codes := every(t, 12*time.Second, func() string { return fresh.call(t, action).Code })
				first := slices.Index(codes, "")
				last := len(codes) - 1
				for codes[last] == "" {
					last--
				}
				if first < 29 {
					t.Errorf("accepted after %d00 ms, before the minimum lag", first)
				}
				if last > 100 {
					t.Errorf("refused after %d00 ms, beyond the maximum lag", last)
				}
				if first > last {
					t.Error("reads are monotonic: no refusal came after a success")
				}
				if !c.IsUsable(fresh.id, fresh.secret) {
					t.Error("not usable although every lag is over")
				}
			})
		})
	}
}

func TestRevokedKeyWorksForAWhile(t *testing.T) {
	for _, tc := range []struct {
		name   string
		action string
		args   []string
	}{
		{"deactivated", "UpdateAccessKey", []string{"Status", "Inactive"}},
		{"deleted", "DeleteAccessKey", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, laggy(), func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
				old.call(t, tc.action, append(tc.args, "AccessKeyId", old.id)...)
				codes := every(t, 5*time.Second, func() string { return old.call(t, "GetCallerIdentity").Code })
				if i := slices.Index(codes, "InvalidClientTokenId"); i < 29 {
					t.Errorf("refused after %d00 ms, before the minimum lag", i)
				}
				if i := len(codes) - 1; codes[i] != "InvalidClientTokenId" {
					t.Error("still accepted after the maximum lag")
				}
			})
		})
	}
}

func TestRegionsDisagreeAboutANewKey(t *testing.T) {
	bubble(t, laggy(), func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		fresh := old.create(t)
		disagreed := false
		every(t, 12*time.Second, func() string {
			here, there := fresh.call(t, "GetCallerIdentity").status, fresh.in("eu-west-1").call(t, "GetCallerIdentity").status
			disagreed = disagreed || here != there
			return ""
		})
		if !disagreed {
			t.Error("two regions never disagreed")
		}
	})
}

func TestListLagsInBothDirections(t *testing.T) {
	bubble(t, laggy(), func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		listed := func(id string) bool {
			return slices.ContainsFunc(old.call(t, "ListAccessKeys").Keys, func(k listedKey) bool { return k.AccessKeyId == id })
		}
		id, _ := u.CreateKey()
		if listed(id) {
			t.Error("a new key is listed at once")
		}
		time.Sleep(3 * time.Second)
		if !listed(id) {
			t.Error("a key is not listed after the maximum lag")
		}
		if err := u.DeleteKey(id); err != nil {
			t.Fatal(err)
		}
		if !listed(id) {
			t.Error("a deleted key is gone at once")
		}
		time.Sleep(3 * time.Second)
		if listed(id) {
			t.Error("a deleted key is listed after the maximum lag")
		}
	})
}

func TestQuotaLagsLikeTheList(t *testing.T) {
	bubble(t, laggy(), func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		var made []client
		for range 4 {
			made = append(made, old.create(t))
		}
		if n := len(c.Keys(u)); n != 5 {
			t.Fatalf("%d keys, want 5: the lagging quota lets them pass", n)
		}
		time.Sleep(4 * time.Second)
		if r := old.call(t, "CreateAccessKey"); r.Code != "LimitExceeded" {
			t.Errorf("sixth key: %d %s", r.status, r.Code)
		}
		for _, k := range made {
			if r := old.call(t, "DeleteAccessKey", "AccessKeyId", k.id); r.status != 200 {
				t.Fatal(r.body)
			}
		}
		if r := old.call(t, "CreateAccessKey"); r.Code != "LimitExceeded" {
			t.Errorf("right after the deletion: %d %s, want a quota that is still full", r.status, r.Code)
		}
		time.Sleep(4 * time.Second)
		old.create(t)
	})
}

func TestLastUsedIsLateAndCoarse(t *testing.T) {
	bubble(t, laggy(), func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		date := func() string {
			r := old.call(t, "GetAccessKeyLastUsed", "AccessKeyId", old.id)
			if r.Used.Date == nil {
				return "never"
			}
			return *r.Used.Date + " " + r.Used.Service + " " + r.Used.Region
		}
		first := time.Now().UTC().Truncate(time.Minute).Format(time.RFC3339) + " iam us-east-1"
		for _, step := range []struct {
			sleep time.Duration
			want  string
		}{
			{0, "never"}, // this call is itself the first use
			{6*time.Minute + 59*time.Second, "never"},
			{time.Second, first},
			{7 * time.Minute, first}, // all uses so far are within 15 minutes of the first
		} {
			time.Sleep(step.sleep)
			if got := date(); got != step.want {
				t.Errorf("after %v: %s, want %s", step.sleep, got, step.want)
			}
		}
		time.Sleep(10 * time.Minute)
		old.in("eu-west-1").call(t, "GetCallerIdentity") // 24 minutes after the first: recorded as a second use
		second := time.Now().UTC().Truncate(time.Minute).Format(time.RFC3339) + " sts eu-west-1"
		time.Sleep(8 * time.Minute)
		if got := date(); got != second {
			t.Errorf("second use: %s, want %s", got, second)
		}
		if got := c.Keys(u)[0].LastUsed.Region; got != "eu-west-1" {
			t.Errorf("true last use: %s", got)
		}
	})
}

func TestSameSeedGivesSameAnswers(t *testing.T) {
	run := func(t *testing.T) (out []string) {
		bubble(t, awssim.RealLag(), func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
			fresh := old.create(t)
			out = append(out, fresh.id, fresh.secret)
			out = append(out, every(t, 12*time.Second, func() string { return fresh.call(t, "GetCallerIdentity").body })...)
		})
		return out
	}
	if a, b := run(t), run(t); !slices.Equal(a, b) {
		t.Error("two clouds with one seed differ")
	}
}

func TestClosedRegionKnowsNoKey(t *testing.T) {
	bubble(t, awssim.Lag{}, func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		c.CloseRegion("af-south-1")
		if r := old.in("af-south-1").call(t, "GetCallerIdentity"); r.Code != "InvalidClientTokenId" || r.status != 403 {
			t.Errorf("answer %d %s", r.status, r.Code)
		}
		if r := old.in("eu-west-1").call(t, "GetCallerIdentity"); r.status != 200 {
			t.Errorf("another region: %s", r.body)
		}
		if !c.IsUsable(old.id, old.secret) {
			t.Error("a closed region makes a key unusable")
		}
		c.OpenRegion("af-south-1")
		if r := old.in("af-south-1").call(t, "GetCallerIdentity"); r.status != 200 {
			t.Errorf("reopened: %s", r.body)
		}
	})
}

func TestPartitionsAreSeparate(t *testing.T) {
	bubble(t, awssim.Lag{}, func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		li := c.AddUserIn("aws-cn", "444455556666", "/", "li")
		id, secret := li.AddKey(0)
		cn := old.with(id, secret).in("cn-north-1")
		if got := cn.call(t, "GetCallerIdentity").Identity.Arn; got != "arn:aws-cn:iam::444455556666:user/li" {
			t.Errorf("Arn %q", got)
		}
		if r := cn.call(t, "ListAccessKeys"); r.status != 200 {
			t.Errorf("iam of the partition: %s", r.body)
		}
		if r := cn.in("us-east-1").call(t, "GetCallerIdentity"); r.Code != "InvalidClientTokenId" {
			t.Errorf("the wrong partition: %d %s", r.status, r.Code)
		}
		if r := old.in("cn-north-1").call(t, "GetCallerIdentity"); r.Code != "InvalidClientTokenId" {
			t.Errorf("the wrong partition: %d %s", r.status, r.Code)
		}
	})
}

func TestRootHasItsOwnIdentity(t *testing.T) {
	bubble(t, awssim.Lag{}, func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		root := c.AddRoot("777788889999")
		id, secret := root.AddKey(0)
		r := old.with(id, secret)
		i := r.call(t, "GetCallerIdentity").Identity
		if i.Arn != "arn:aws:iam::777788889999:root" || i.UserId != "777788889999" {
			t.Errorf("identity %+v", i)
		}
		if n := len(r.call(t, "ListAccessKeys").Keys); n != 1 {
			t.Errorf("root has %d keys, want 1", n)
		}
	})
}
