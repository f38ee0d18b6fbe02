package daemon

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

// TestLogTellsWhatIsNew and nothing again: two profiles without a key, and one
// whose key another profile may not use, are three lines, not three in each pass.
func TestLogTellsWhatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 5*day)
		l.write("credentials", l.text()+"\n[session]\naws_access_key_id = "+l.old.ID+"\naws_secret_access_key = x\naws_session_token = y\n")
		l.write("config", "[default]\nregion = eu-west-1\n[profile sso]\nsso_session = x\nsso_account_id = 1\nsso_role_name = r\n[profile role]\nrole_arn = arn:aws:iam::111122223333:role/r\nsource_profile = default\n[sso-session x]\nsso_start_url = https://x\nsso_region = eu-west-1\n")
		var out bytes.Buffer
		l.d.Log = slog.New(slog.NewTextHandler(&out, nil))
		loop := &loop{Rotator: l.d, outbox: StartOutbox(func(string) string { return "" }), lastLogged: map[string]string{}, needsPerson: map[string]bool{}}
		defer loop.outbox.Close()
		for range 10 {
			loop.reportPass(l.d.Pass(t.Context(), Request{}))
			time.Sleep(15 * time.Minute)
		}
		if n := strings.Count(out.String(), "msg=key"); n != 4 {
			t.Errorf("%d lines about four keys and profiles of which nothing changed:\n%s", n, out.String())
		}
		if strings.Contains(out.String(), "until=0001") {
			t.Errorf("a key that waits for no time is logged with one:\n%s", out.String())
		}
	})
}
