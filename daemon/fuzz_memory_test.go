package daemon

import (
	"testing"
	"time"
)

// TestKeyThatIsNotListedYet is a key that AWS accepts and its list, which lags,
// does not show: it is looked at again soon, and not waited for in vain.
func TestKeyThatIsNotListedYet(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	f := Facts{ID: "AKIAXXXXXXXXXXXXXXXX", Profiles: []string{"default"}, Seen: &Seen{At: now, Account: account, ARN: "arn", User: "alice"}}
	first := Next(f, Default(), now)
	if first.Do != DoWait || !first.Until.After(now) {
		t.Fatalf("%+v", first)
	}
	if again := Next(f, Default(), first.Until); again.Do != DoLook {
		t.Errorf("when the wait is over: %s until %s, which is not after %s", again.Do, again.Until, first.Until)
	}
}
