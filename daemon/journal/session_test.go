package journal

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/daemon/iam/remote"
)

// TestSessionIsOnlyInTheJournal: neither printing nor marshalling a rotation shows the
// session, and a session of which a part is missing counts as none.
func TestSessionIsOnlyInTheJournal(t *testing.T) {
	r := someRotation()
	plain, err := json.Marshal(r)
	printed := fmt.Sprintf("%v %+v %#v", r, *r, r.Session) + string(plain)
	for _, secret := range []string{"session+secret", "token/=="} {
		if err != nil || strings.Contains(printed, secret) {
			t.Errorf("%v: the session is in %s", err, printed)
		}
	}
	j := Dir{Path: t.TempDir(), Sys: atomicfile.OS{}}
	for _, lacks := range []string{`"id": "ASIA`, `"secret": "`, `"token": "`} {
		rec := toRecord(r)
		rec.Checksum = ""
		data, _ := json.MarshalIndent(rec, "", "\t")
		text := strings.Replace(string(data), lacks, strings.Replace(lacks, `"`, `"no_`, 1), 1)
		if err := os.WriteFile(j.filePath(r.Old.ID), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := j.Find(t.Context(), r.Old.ID)
		if err != nil || got.Session != (Session{}) {
			t.Errorf("without %s: %+v, %v", lacks, got, err)
		}
	}
}

// TestSessionIsOverBeforeItsEnd: an action that begins with a session should end with it.
func TestSessionIsOverBeforeItsEnd(t *testing.T) {
	r := someRotation()
	for before, usable := range map[time.Duration]bool{36 * time.Hour: true, 6 * time.Minute: true, 5 * time.Minute: false, -time.Hour: false} {
		if got := r.Session.IsUsable(r.Session.Expires.Add(-before)); got != usable {
			t.Errorf("%s before its end it is usable: %t", before, got)
		}
	}
	if r.DropSession(r.Session.Expires.Add(-time.Hour)) || !r.DropSession(r.Session.Expires) || r.Session.IsUsable(time.Time{}) || r.DropSession(r.CreateSent.Add(time.Hour)) {
		t.Error("the session is dropped at the wrong time")
	}
}

// TestOwnSessionIsNobodyElse: AWS may count the calls of a session as uses of the key that
// has opened it.
func TestOwnSessionIsNobodyElse(t *testing.T) {
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		service string
		after   time.Duration // of the last call of the session
		others  bool
	}{{"iam", 0, false}, {"sts", -time.Hour, false}, {"s3", -time.Hour, true}, {"iam", time.Hour, true}} {
		r := &Rotation{Validated: at, SessionSigned: at.Add(24 * time.Hour)}
		r.NoteUse(&remote.Use{At: r.SessionSigned.Add(c.after), Service: c.service, Region: "us-east-1"}, false, at.Add(48*time.Hour))
		if r.UsedByOthers() != c.others || (len(r.UseDays) > 0) != c.others {
			t.Errorf("%s, %s after the session: used by others %t", c.service, c.after, !c.others)
		}
	}
}
