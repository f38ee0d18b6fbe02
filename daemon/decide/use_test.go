package decide

import (
	"strings"
	"testing"
	"time"

	"keyd/daemon/iam/remote"
	"keyd/daemon/settings"
)

// TestUseByOthers lists what AWS can say about the last use of a key, and what keyd makes
// of it: its own calls neither hide a use nor count as one.
func TestUseByOthers(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	ago := func(days int) time.Time { return now.Add(-time.Duration(days) * settings.Day) }
	use := func(days int, service string) remote.Use {
		return remote.Use{At: ago(days), Service: service, Region: "eu-west-1"}
	}
	const id = "AKIAOLDOLDOLDOLDOLD1"
	cases := map[string]struct {
		before   KeyUse
		says     remote.Use
		since    time.Time
		isUnused bool
	}{
		"never used, before keyd's first call":                   {KeyUse{}, remote.Use{}, ago(70), true},
		"used yesterday, before keyd's first call":               {KeyUse{}, use(1, "s3"), time.Time{}, false},
		"used by a person's own sts, before keyd's first call":   {KeyUse{}, use(1, "sts"), time.Time{}, false},
		"last used 65 days ago, before keyd's first call":        {KeyUse{}, use(65, "s3"), ago(65), true},
		"last used 45 days ago: less than rotate_after":          {KeyUse{}, use(45, "s3"), time.Time{}, false},
		"keyd's own call is the last one":                        {KeyUse{Signed: ago(46)}, use(46, "iam"), ago(46), true},
		"keyd's own call is the last one, and was never shown":   {KeyUse{Signed: ago(46)}, remote.Use{}, ago(46), true},
		"keyd's own call, two days ago: too short to tell":       {KeyUse{Signed: ago(2)}, use(2, "iam"), time.Time{}, false},
		"used after keyd's own call":                             {KeyUse{Signed: ago(46)}, use(3, "iam"), time.Time{}, false},
		"used through another service at keyd's own time":        {KeyUse{Signed: ago(3)}, use(3, "s3"), time.Time{}, false},
		"keyd's own call, and a use before it that is known":     {KeyUse{Signed: ago(10), Last: &remote.Use{At: ago(20)}}, use(10, "sts"), time.Time{}, false},
		"keyd's own call, and the use before it is long ago":     {KeyUse{Signed: ago(10), Last: &remote.Use{At: ago(68)}}, use(10, "sts"), ago(68), true},
		"keyd's own call, and the quiet time before it is known": {KeyUse{Signed: ago(1), Quiet: ago(50)}, use(1, "sts"), ago(50), true},
	}
	for name, c := range cases {
		f := Facts{ID: id, Profiles: []string{"default"}, Use: c.before.AddReading(c.says, now), Seen: &Seen{Keys: []ListedKey{{ID: id, Created: ago(70)}}}}
		if since, unused := f.UnusedSince(settings.Default(), now); unused != c.isUnused || unused && !since.Equal(c.since) {
			t.Errorf("%s: unused %v since %s, want %v since %s", name, unused, since, c.isUnused, c.since)
		}
		if f.Use = f.Use.AddDenial(now, false); !f.Use.Denied {
			t.Errorf("%s: a denial is not noted", name)
		}
		if _, unused := f.UnusedSince(settings.Default(), now); unused {
			t.Errorf("%s: AWS refuses to tell, and the key counts as unused", name)
		}
	}
}

// TestUnusedReportLeavesTheKeyAlone: with unused = report a person is told of a due key
// that nobody uses, and nothing is signed with it for longer than auditors wait before
// they flag it. --force replaces it, and so does a denied question, which is no "no".
func TestUnusedReportLeavesTheKeyAlone(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	ago := func(days int) time.Time { return now.Add(-time.Duration(days) * settings.Day) }
	const id = "AKIAOLDOLDOLDOLDOLD1"
	s := settings.Default()
	s.Unused = settings.UnusedReport
	facts := func(read int, seen int) Facts {
		return Facts{ID: id, Profiles: []string{"my own"}, Use: &KeyUse{Read: ago(read), Last: &remote.Use{}},
			Seen: &Seen{At: ago(seen), User: "alice", Keys: []ListedKey{{ID: id, Active: true, Created: ago(70)}}}}
	}
	f := facts(0, 0)
	d := Next(f, s, now)
	if d.Do != DoBlock || !d.Until.Equal(now.Add(UnusedRecheck)) || !strings.Contains(d.Why, "only keyd has used it since 14 Sep 2026: it is left alone") ||
		!strings.HasSuffix(d.Hint, "keyd rotate --force 'my own'") {
		t.Errorf("%s until %s: %s; %s", d.Do, d.Until, d.Why, d.Hint)
	}
	if d := Next(facts(30, 30), s, now); d.Do != DoBlock {
		t.Errorf("a month later: %s: %s", d.Do, d.Why)
	}
	if d := Next(facts(47, 47), s, now); d.Do != DoLook {
		t.Errorf("47 days later: %s: %s", d.Do, d.Why)
	}
	f.Options = Options{Manual: true, Force: true}
	if d := Next(f, s, now); d.Do != DoPreflight {
		t.Errorf("forced: %s: %s", d.Do, d.Why)
	}
	f.Options, f.Use = Options{}, f.Use.AddDenial(now, false)
	if d := Next(f, s, now); d.Do != DoPreflight {
		t.Errorf("denied: %s: %s", d.Do, d.Why)
	}
}

// TestUseIsReadAroundMidnight: the readings of a key are at fixed times of the day in UTC,
// the first soon after midnight and the last shortly before.
func TestUseIsReadAroundMidnight(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	perDay := map[string]int{}
	for range 4 * 30 {
		next := nextUseReading(at, "AKIAOLDOLDOLDOLDOLD1", false)
		if wait := next.Sub(at); wait <= 0 || wait > 13*time.Hour {
			t.Fatalf("after %s: %s", at, next)
		}
		at = next
		perDay[at.Format(time.DateOnly)]++
		if perDay[at.Format(time.DateOnly)] == 1 && at.Day() != 23 && at.Sub(at.Truncate(settings.Day)) > 10*time.Minute {
			t.Errorf("the first reading of the day is at %s", at)
		}
	}
	if perDay["2026-11-24"] != 4 || len(perDay) > 31 {
		t.Errorf("%v", perDay)
	}
}

// TestDeniedUseIsReadAtDriftingHours: a policy that tells the last use at some hours only
// is met at every hour of the day before an overlap is over twice, in few calls.
func TestDeniedUseIsReadAtDriftingHours(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	hours, end, n := map[int]bool{}, at.Add(14*settings.Day), 0
	for ; at.Before(end); n++ {
		at = nextUseReading(at, "AKIAOLDOLDOLDOLDOLD1", true)
		hours[at.Hour()] = true
	}
	if len(hours) < 20 || n > 14*8 {
		t.Errorf("%d readings at %d hours of the day", n, len(hours))
	}
}
