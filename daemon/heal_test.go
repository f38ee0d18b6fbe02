package daemon

import (
	"net/http"
	"path/filepath"
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
	"keyd/daemon/watch"
)

// slowFor is an AWS that answers requests which one key has signed only after half a
// minute.
type slowFor struct {
	iam.Doer
	id string
}

func (s slowFor) Do(q *http.Request) (*http.Response, error) {
	if s.id != "" && strings.Contains(q.Header.Get("Authorization"), s.id) {
		select {
		case <-q.Context().Done():
			return nil, q.Context().Err()
		case <-time.After(25 * time.Second):
		}
	}
	return s.Doer.Do(q)
}

// TestDeadKeyWaitsForNoOtherKey restores a file with an Inactive key while another key is
// proven, or waits for an endpoint that does not answer. keyd repairs the file within five
// seconds.
func TestDeadKeyWaitsForNoOtherKey(t *testing.T) {
	for name, slow := range map[string]bool{"another key is proven": false, "another key waits for an answer": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewOnDisk(t, awssim.Lag{Create: awssim.Range{Min: 5 * time.Minute, Max: 5 * time.Minute}, Replicas: 1}, 70*settings.Day)
				before := l.ReadCredentials()
				l.RunUntil(30*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
				bob := l.AddProfile("bob", 70*settings.Day)
				_, section, _ := strings.Cut(l.ReadCredentials(), "\n[bob]")
				if slow {
					l.HTTP = slowFor{l.HTTP, bob}
				}
				r := run(l, nil)
				r.wait(time.Minute + time.Second)
				if slow != (l.CountCalls("CreateAccessKey") == 1) {
					t.Fatalf("%d calls of CreateAccessKey", l.CountCalls("CreateAccessKey"))
				}
				l.WriteFile("credentials", before+"\n[bob]"+section)
				l.RecordShown()
				if l.ShownID() != l.OldKey.ID {
					t.Fatal("the file does not show the old key")
				}
				r.change <- watch.Change{Path: filepath.Join(l.Home, "credentials")}
				r.wait(5 * time.Second)
				l.RecordShown()
				if l.ShownID() == l.OldKey.ID {
					t.Error("the file still shows the inactive key after five seconds")
				}
				r.stop()
			})
		})
	}
}
