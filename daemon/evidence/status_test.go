package evidence_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/evidence"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
)

// find returns the key with this id.
func find(t *testing.T, r *evidence.Report, id string) *evidence.Key {
	t.Helper()
	i := slices.IndexFunc(r.Keys, func(k *evidence.Key) bool { return k.ID == id })
	if i < 0 {
		t.Fatalf("the report lacks %s", id)
	}
	return r.Keys[i]
}

// TestUseInARotationIsTheOldKeys: while a rotation is in progress, the status has one line,
// which is that of the new key, with what was read of the old key before. The history may be
// lost meanwhile.
func TestUseInARotationIsTheOldKeys(t *testing.T) {
	w := newWorld(t)
	of := owner{profiles: []string{"default"}, user: "alice", account: "111122223333"}
	began := now.Add(-time.Hour)
	use := &decide.KeyUse{Read: began, Last: &remote.Use{At: began.Add(-time.Hour), Service: "s3", Region: "eu-west-1"}}
	w.seen(of, "AKIANEW", use, listed("AKIAOLD", now.Add(-75*day)))
	w.src.Status.Keys[0].InRotation, w.src.Status.Keys[0].Seen.At = true, began
	r := &journal.Rotation{Old: credfile.Key{ID: "AKIAOLD"}, New: credfile.Key{ID: "AKIANEW"}, User: of.user, Account: of.account, ARN: of.arn(), CreateSent: began, Created: began}
	w.src.Rotations = []*journal.Rotation{r}
	report := w.report()
	if k := find(t, report, "AKIANEW"); k.LastUse != nil || k.User != "alice" {
		t.Errorf("the new key: %+v, used %+v", k, k.LastUse)
	}
	if k := find(t, report, "AKIAOLD"); k.LastUse == nil || k.LastUse.Service != "s3" {
		t.Errorf("the old key: %+v", k)
	}
	if data, err := report.CSV(); err != nil || !strings.Contains(string(data), "\nalice,") || strings.Count(string(data), ",true,") != 2 {
		t.Errorf("%v\n%s", err, data)
	}
	r.LastUse = &remote.Use{At: began.Add(time.Minute), Service: "ec2"}
	if k := find(t, w.report(), "AKIAOLD"); k.LastUse.Service != "ec2" {
		t.Errorf("the rotation has read a newer use, and the report has %+v", k.LastUse)
	}
}

// TestKeyThatAWSNoLongerListsIsGone: a person has deleted a key that keyd made, in the console.
// It grows no older, and fails no control. A list that is older than what keyd did last, or
// that another IAM gave, says nothing.
func TestKeyThatAWSNoLongerListsIsGone(t *testing.T) {
	for name, tt := range map[string]struct {
		listed   time.Duration // ago
		endpoint string
		want     evidence.Status
	}{
		"listed since":    {time.Hour, "", evidence.Gone},
		"listed at once":  {300*day - 10*time.Minute, "", evidence.Active},
		"listed before":   {301 * day, "", evidence.Active},
		"listed by other": {time.Hour, "http://127.0.0.1:7070", evidence.Active},
	} {
		w := newWorld(t)
		of := owner{profiles: []string{"default"}, user: "alice", account: "111122223333", new: "AKIAMADE"}
		w.did(now.Add(-300*day), "created", "AKIAMADE", of, "CreateAccessKey")
		w.seen(of, "AKIABYHAND", nil, listed("AKIABYHAND", now.Add(-302*day)))
		w.src.Status.Keys[0].Seen.At, w.src.Status.Keys[0].Endpoint = now.Add(-tt.listed), tt.endpoint
		r := w.report()
		k := find(t, r, "AKIAMADE")
		gone := tt.want == evidence.Gone
		if k.Status != tt.want || gone != (k.AgeDays < 0) || gone != k.GoneBy.Equal(now.Add(-tt.listed)) {
			t.Errorf("%s: %s, %d days, gone by %s", name, k.Status, k.AgeDays, k.GoneBy)
		}
		for _, c := range r.Controls {
			if gone && slices.Contains(c.Failing, "AKIAMADE") {
				t.Errorf("%s: fails %s", name, c.ID)
			}
		}
		if page := string(r.HTML()); gone != strings.Contains(page, "not listed any more") {
			t.Errorf("%s: the page does not say it", name)
		}
	}
}

// TestSecondKeyCountsInAReportOfOneProfile: a key that no profile shows is not in such a
// report, and its user has two keys all the same.
func TestSecondKeyCountsInAReportOfOneProfile(t *testing.T) {
	w := newWorld(t)
	w.seen(owner{profiles: []string{"legacy"}, user: "carol", account: "111122223333"}, "AKIA1", nil, listed("AKIA1", now), listed("AKIA2", now))
	w.src.Profiles = []string{"legacy"}
	for _, c := range w.report().Controls {
		if c.Round == evidence.KeysOfUser && c.Outcome != evidence.Fail {
			t.Errorf("%+v", c)
		}
	}
}

// TestUnusedKeyOfUnknownAge: nobody has used the key, and nobody knows whether it is old
// enough for that to count.
func TestUnusedKeyOfUnknownAge(t *testing.T) {
	w := newWorld(t)
	w.seen(owner{profiles: []string{"x"}, user: "carol", account: "111122223333"}, "AKIA1", &decide.KeyUse{Read: now, Last: &remote.Use{}}, listed("AKIA1", time.Time{}))
	for _, c := range w.report().Controls {
		if c.Round == evidence.Unused && c.Outcome != evidence.Undecided {
			t.Errorf("%+v", c)
		}
	}
	if page := string(w.report().HTML()); strings.Contains(page, "<svg viewBox=\"0 0 1000") {
		t.Error("the picture has a key without a beginning")
	}
}

// TestOCSFNamesWhoseKeyItIs: a store may hand out ids of AWS's shape.
func TestOCSFNamesWhoseKeyItIs(t *testing.T) {
	for endpoint, want := range map[string]string{"": "AWS", "aws-cn": "AWS", "http://127.0.0.1:7070": "other"} {
		w := newWorld(t)
		w.seen(owner{profiles: []string{"x"}, user: "carol", account: "111122223333"}, "AKIA1", nil, listed("AKIA1", now))
		w.src.Status.Keys[0].Endpoint = endpoint
		if data, err := w.report().OCSF(); err != nil || !strings.Contains(string(data), `"cloud":{"provider":"`+want+`"`) {
			t.Errorf("%q: %v\n%s", endpoint, err, data)
		}
	}
}

// TestUsersOfTwoStoresAreTwo: both call their account 000000000000, and their user test.
func TestUsersOfTwoStoresAreTwo(t *testing.T) {
	w := newWorld(t)
	for i, endpoint := range []string{"http://127.0.0.1:4566", "http://127.0.0.1:7070"} {
		id := "AKIA" + strings.Repeat("1", i+1)
		w.seen(owner{profiles: []string{id}, user: "test", account: "000000000000"}, id, nil, listed(id, now.Add(-day)))
		w.src.Status.Keys[i].Endpoint = endpoint
	}
	r := w.report()
	if data, err := r.CSV(); err != nil || strings.Count(string(data), "\ntest,") != 2 {
		t.Errorf("%v\n%s", err, data)
	}
	for _, c := range r.Controls {
		if c.Round == evidence.KeysOfUser && c.Outcome != evidence.Pass {
			t.Errorf("%+v", c)
		}
	}
	for _, k := range r.Keys {
		if k.Status != evidence.Active {
			t.Errorf("%s is %s", k.ID, k.Status)
		}
	}
}
