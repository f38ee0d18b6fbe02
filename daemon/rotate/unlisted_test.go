package rotate_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/iam"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// missing is an AWS one of whose servers does not know a key, and says so once in answer to
// the call.
type missing struct {
	iam.Doer
	call string
	told *bool
}

func (m missing) Do(q *http.Request) (*http.Response, error) {
	form, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	q.Body = io.NopCloser(bytes.NewReader(form))
	if *m.told || !strings.Contains(string(form), "Action="+m.call+"&") {
		return m.Doer.Do(q)
	}
	*m.told = true
	const text = `<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The Access Key cannot be found.</Message></Error><RequestId>x</RequestId></ErrorResponse>`
	return &http.Response{StatusCode: http.StatusNotFound, Status: "404 Not Found", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)), Request: q}, nil
}

// TestOneServerDoesNotEndAHold: a person holds a rotation in the quarantine, and a server
// says that the old key does not exist. The list knows better, and so the hold stays.
func TestOneServerDoesNotEndAHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		told := false
		l.Rotator.HTTP = missing{l.HTTP, "UpdateAccessKey", &told}
		r, err := l.Rotator.Hold(t.Context(), "default")
		if err != nil || !told || r.State != decide.StateHeld || l.KeyStatuses()[l.OldKey.ID] != "Active" {
			t.Errorf("%s: %s, %v; %v", r.State, r.Why, err, l.KeyStatuses())
		}
	})
}

// TestYoungKeyIsGivenUp: a rotation is given up when no list shows its new key yet, or one
// server does not know it. Neither says that the key is gone.
func TestYoungKeyIsGivenUp(t *testing.T) {
	slow := awssim.Lag{List: awssim.Range{Min: 4 * time.Minute, Max: 5 * time.Minute}}
	for name, lag := range map[string]awssim.Lag{"not listed": slow, "not known to a server": {}} {
		t.Run(name, func(t *testing.T) { giveUpYoungKey(t, lag) })
	}
}

func giveUpYoungKey(t *testing.T, lag awssim.Lag) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, lag, 70*settings.Day)
		if told := false; lag == (awssim.Lag{}) {
			l.Rotator.HTTP = missing{l.HTTP, "DeleteAccessKey", &told}
		}
		s := l.Rotator.NewSchedule(rotate.Request{})
		for l.CountCalls("CreateAccessKey") == 0 {
			_, next, err := s.Round(t.Context())
			lab.Must(t, err)
			time.Sleep(time.Until(next))
		}
		text := l.ReadCredentials()
		id, secret := l.Cloud.AddUser(lab.Account, "/", "eve").AddKey(settings.Day)
		l.WriteFile("credentials", strings.NewReplacer(l.OldKey.ID, id, l.OldKey.Secret.Reveal(), secret).Replace(text))
		_, err := l.Rotator.Resume(t.Context(), "default")
		lab.Must(t, err)
		l.WriteFile("credentials", text)
		for range 3 {
			time.Sleep(time.Hour)
			l.Pass(rotate.Request{})
		}
		if keys := l.Cloud.Keys(l.User); len(keys) != 1 {
			t.Errorf("AWS has %+v", keys)
		}
	})
}
