package rotate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// lateEC2 is an AWS of which EC2 learns of a new key minutes after IAM and STS.
func lateEC2() awssim.Lag {
	lag := awssim.RealLag()
	lag.EC2 = awssim.Range{Min: 3 * time.Minute, Max: 5 * time.Minute}
	return lag
}

// TestDaemonWaitsForTheLastService: other services learn of a new key up to five minutes
// after IAM and STS. The daemon never writes a pair into the file that one of them
// refuses. A person who waits at keyd rotate gets the new pair at once, and may see such a
// refusal for the rest of the five minutes; that IAM and STS accept the pair holds for
// both.
func TestDaemonWaitsForTheLastService(t *testing.T) {
	for name, person := range map[string]bool{"daemon": false, "keyd rotate": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, lateEC2(), 70*settings.Day)
				l.Pass(rotate.Request{Options: decide.Options{Manual: person}})
				swapped := l.ShownID()
				if swapped == l.OldKey.ID {
					t.Fatal("the pair was not replaced")
				}
				refusal := l.UsePair("eu-west-1")
				if refused := refusal != nil; refused != person {
					t.Errorf("a program that reads the file now: %v", refusal)
				}
				time.Sleep(5 * time.Minute)
				lab.Must(t, l.UsePair("eu-west-1"))
				l.CheckPromises()
				if out := l.Cloud.OutageEverywhere(l.Shown, time.Now()); out > 0 != person || out > 5*time.Minute {
					t.Errorf("some service refused the pair in the file for %s", out)
				}
			})
		})
	}
}
