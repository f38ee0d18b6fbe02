package evidence_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/evidence"
	"keyd/daemon/iam/remote"
)

// TestVerdictsRoundAsTheToolsDo: the tools of auditors differ on the 90th day, and so do the
// controls that name them.
func TestVerdictsRoundAsTheToolsDo(t *testing.T) {
	const p, f = evidence.Pass, evidence.Fail
	for _, tt := range []struct {
		age                        time.Duration
		prowler, steampipe, config evidence.Outcome
		days                       int
	}{
		{0, p, p, p, 0},
		{90*day - time.Second, p, p, p, 89},
		{90 * day, p, f, p, 90},
		{90*day + time.Second, p, f, f, 90},
		{91*day - time.Second, p, f, f, 90},
		{91 * day, f, f, f, 91},
		{400 * day, f, f, f, 400},
	} {
		w := newWorld(t)
		of := owner{profiles: []string{"default"}, user: "alice", account: "111122223333"}
		w.seen(of, "AKIA1", nil, listed("AKIA1", now.Add(-tt.age)))
		r := w.report()
		got := map[string]evidence.Outcome{}
		for _, v := range r.Keys[0].Verdicts {
			got[v.Tool] = v.Outcome
		}
		if got["Prowler"] != tt.prowler || got["Steampipe"] != tt.steampipe || got["AWS Config"] != tt.config || r.Keys[0].AgeDays != tt.days {
			t.Errorf("%s: %v, %d days", tt.age, got, r.Keys[0].AgeDays)
		}
		for _, c := range r.Controls {
			want := map[evidence.Rounding]evidence.Outcome{evidence.AtLeast: tt.steampipe, evidence.Over: tt.config, evidence.OwnLimit: tt.config, evidence.Dates: p, evidence.KeysOfUser: p, evidence.Unused: evidence.Undecided}[c.Round]
			if c.Round == evidence.Unused && tt.age < 45*day {
				want = p
			}
			if c.Outcome != want {
				t.Errorf("%s: %s %s (%s) is %s, want %s", tt.age, c.Framework, c.ID, c.Round, c.Outcome, want)
			}
		}
	}
}

// TestControlsNameTheKeysThatFail: unused keys, two keys of one user, an unknown age, and
// max_age as it is in keyd.ini.
func TestControlsNameTheKeysThatFail(t *testing.T) {
	alice := owner{profiles: []string{"default"}, user: "alice", account: "111122223333"}
	inactive := decide.ListedKey{ID: "AKIA2", Status: "Inactive", Created: now.Add(-200 * day)}
	for name, tt := range map[string]struct {
		build func(*world)
		id    string
		want  evidence.Outcome
	}{
		"used lately": {func(w *world) {
			w.seen(alice, "AKIA1", &decide.KeyUse{Last: &remote.Use{At: now.Add(-44 * day)}}, listed("AKIA1", now.Add(-80*day)))
		}, "1.12", evidence.Pass},
		"unused": {func(w *world) {
			w.seen(alice, "AKIA1", &decide.KeyUse{Last: &remote.Use{At: now.Add(-45 * day)}}, listed("AKIA1", now.Add(-80*day)))
		}, "1.12", evidence.Fail},
		"never used": {func(w *world) {
			w.seen(alice, "AKIA1", &decide.KeyUse{Last: &remote.Use{}}, listed("AKIA1", now.Add(-80*day)))
		}, "1.12", evidence.Fail},
		"two keys":             {func(w *world) { w.seen(alice, "AKIA1", nil, listed("AKIA1", now), listed("AKIA2", now)) }, "1.13 > 1 key", evidence.Fail},
		"a key that is off":    {func(w *world) { w.seen(alice, "AKIA1", nil, listed("AKIA1", now), inactive) }, "1.13 > 1 key", evidence.Pass},
		"off, since when":      {func(w *world) { w.seen(alice, "AKIA1", nil, listed("AKIA1", now), inactive) }, "CRY-09.02B", evidence.Undecided},
		"off counts in no age": {func(w *world) { w.seen(alice, "AKIA1", nil, listed("AKIA1", now), inactive) }, "1.14", evidence.Pass},
		"age unknown":          {func(w *world) { w.seen(alice, "AKIA1", nil) }, "1.14", evidence.Undecided},
		"own limit": {func(w *world) {
			w.src.Settings.MaxAge = 30 * day
			w.seen(alice, "AKIA1", nil, listed("AKIA1", now.Add(-31*day)))
		}, "8.6.3", evidence.Fail},
		"no settings": {func(w *world) {
			w.src.Settings.Unknown = true
			w.seen(alice, "AKIA1", nil, listed("AKIA1", now.Add(-31*day)))
		}, "8.6.3", evidence.Undecided},
	} {
		w := newWorld(t)
		tt.build(w)
		found := false
		for _, c := range w.report().Controls {
			if c.ID != tt.id && c.ID+" "+string(c.Round) != tt.id || found {
				continue
			}
			found = true
			if failed := len(c.Failing) > 0; c.Outcome != tt.want || failed != (tt.want == evidence.Fail) {
				t.Errorf("%s: %+v, want %s", name, c, tt.want)
			}
		}
		if !found {
			t.Errorf("%s: no control %s", name, tt.id)
		}
	}
}

// TestEachVersionHasItsNumbers: the numbers of a benchmark move from version to version, and
// each row has that of its versions.
func TestEachVersionHasItsNumbers(t *testing.T) {
	got := map[string]string{}
	for _, c := range newWorld(t).report().Controls {
		if c.Framework == "CIS AWS Foundations" {
			for version := range strings.SplitSeq(c.Versions, ", ") {
				got[version] += c.ID + " "
			}
		}
	}
	want := map[string]string{"1.4": "1.14 1.12 1.13 ", "1.5": "1.14 1.12 1.13 ", "2.0": "1.14 1.12 1.13 ", "3.0": "1.14 1.12 1.13 ", "4.0": "1.14 1.12 1.13 ", "5.0": "1.13 1.11 1.12 ", "6.0": "2.13 2.11 2.12 ", "7.0": "2.12 2.11 "}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
