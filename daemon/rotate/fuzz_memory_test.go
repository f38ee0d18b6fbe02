package rotate_test

import (
	"testing"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/settings"
)

// TestKeyThatIsNotListedYet is a key that AWS accepts and its list, which lags,
// does not show: it is looked at again soon, and not waited for in vain.
func TestKeyThatIsNotListedYet(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	f := decide.Facts{ID: "AKIAXXXXXXXXXXXXXXXX", Profiles: []string{"default"}, Seen: &decide.Seen{At: now, Account: lab.Account, ARN: "arn", User: "alice"}}
	first := decide.Next(f, settings.Default(), now)
	if first.Do != decide.DoWait || !first.Until.After(now) {
		t.Fatalf("%+v", first)
	}
	if again := decide.Next(f, settings.Default(), first.Until); again.Do != decide.DoLook {
		t.Errorf("when the wait is over: %s until %s, which is not after %s", again.Do, again.Until, first.Until)
	}
}
