package rotate_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// killNew makes the new key Inactive, or deletes it, as someone does in the console.
func killNew(l *lab.Lab, status string) {
	l.T.Helper()
	if l.RecordShown(); status == "Deleted" {
		lab.Must(l.T, l.User.DeleteKey(l.ShownID()))
		return
	}
	lab.Must(l.T, l.User.SetStatus(l.ShownID(), status))
}

// TestDeadNewKeyIsNoticed: a new key that someone makes Inactive or deletes while a
// rotation waits needs a person within a day, and at once when a person asks.
func TestDeadNewKeyIsNoticed(t *testing.T) {
	for _, at := range []decide.State{decide.StateOverlap, decide.StateQuarantine, decide.StateHeld} {
		for _, status := range []string{"Inactive", "Deleted"} {
			for _, asked := range []bool{false, true} {
				if !deeptest.On() && asked != (status == "Deleted") {
					continue
				}
				t.Run(fmt.Sprint(at, " ", status, " ", asked), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
						l.Rotator.Settings.CheckEvery = 12 * time.Hour
						if at == decide.StateHeld {
							l.Pass(rotate.Request{})
							_, err := l.Rotator.Hold(t.Context(), "default")
							lab.Must(t, err)
						} else {
							l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == at })
						}
						old := l.KeyStatuses()[l.OldKey.ID]
						killNew(l, status)
						began, r := time.Now(), rotate.Result{}
						if asked {
							time.Sleep(30 * time.Second) // until AWS knows it everywhere
							r = l.Pass(rotate.Request{Options: decide.Options{Manual: true}})
						} else {
							r = l.RunUntil(25*time.Hour, func(r rotate.Result) bool { return r.NeedsPerson || r.Rotation != nil && !r.Rotation.NewDead.IsZero() })
						}
						if after := time.Since(began); after > 25*time.Hour || asked && after > 2*time.Minute {
							t.Errorf("noticed after %s", after)
						}
						if at == decide.StateHeld { // the person has said what to do then
							if l.RecordShown(); l.ShownID() != l.OldKey.ID || r.State != decide.StateHeld {
								t.Errorf("%s: %s; the file shows %s", r.State, r.Why, l.ShownID())
							}
							return
						}
						hint := map[decide.State]string{decide.StateOverlap: "keyd hold default", decide.StateQuarantine: "in the console of AWS, user alice"}[at]
						if !r.NeedsPerson || !strings.Contains(r.Why, "someone made it inactive or deleted it") || !strings.Contains(r.Hint, hint) {
							t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
						}
						if l.KeyStatuses()[l.OldKey.ID] != old {
							t.Error("the old key was touched")
						}
					})
				})
			}
		}
	}
}

// TestHoldPutsOldPairBack does what the status says of a dead new key. In the overlap keyd
// hold makes the file work again. In the quarantine an administrator has to make one of
// the keys Active first. Resume then ends the rotation, with one key, which is replaced
// later.
func TestHoldPutsOldPairBack(t *testing.T) {
	for _, at := range []decide.State{decide.StateOverlap, decide.StateQuarantine} {
		for _, status := range []string{"Inactive", "Deleted"} {
			if !deeptest.On() && (at == decide.StateOverlap) != (status == "Deleted") {
				continue
			}
			t.Run(string(at)+" "+status, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
					start := l.ReadCredentials()
					l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == at })
					killNew(l, status)
					l.RunUntil(25*time.Hour, func(r rotate.Result) bool { return r.NeedsPerson })
					r, err := l.Rotator.Hold(t.Context(), "default")
					if at == decide.StateQuarantine {
						if err == nil && r.Err == nil || !r.NeedsPerson || !strings.Contains(r.Why+fmt.Sprint(r.Err), "neither works") {
							t.Errorf("with both keys off: %s: %s, %v, %v", r.State, r.Why, err, r.Err)
						}
						lab.Must(t, l.User.SetStatus(l.OldKey.ID, "Active")) // what the hint says; keyd waits until AWS knows it
						r, err = l.Rotator.Hold(t.Context(), "default")
						time.Sleep(time.Minute) // until every server knows it
					}
					if err != nil || r.Err != nil || r.State != decide.StateHeld || l.ReadCredentials() != start || !l.Cloud.IsUsable(l.OldKey.ID, l.OldKey.Secret.Reveal()) {
						t.Fatalf("%s: %s, %v, %v; %q", r.State, r.Why, err, r.Err, l.ReadCredentials())
					}
					for range 30 {
						time.Sleep(settings.Day)
						if r := l.Pass(rotate.Request{}); r.State != decide.StateHeld || l.ReadCredentials() != start {
							t.Fatalf("held: %s: %s", r.State, r.Why)
						}
					}
					if _, err := l.Rotator.Resume(t.Context(), "default"); err != nil {
						t.Fatal(err)
					}
					if keys := l.KeyStatuses(); len(keys) != 1 || keys[l.OldKey.ID] != "Active" {
						t.Errorf("%v", keys)
					}
					l.RunUntil(20*settings.Day, func(r rotate.Result) bool { return lab.Settled(r) })
					l.CheckOneKey()
				})
			})
		}
	}
}

// TestRevivedNewKeyContinues: whoever made the new key Inactive makes it Active again. The
// rotation continues, also when a person held it meanwhile while both keys were off.
func TestRevivedNewKeyContinues(t *testing.T) {
	for _, holds := range []bool{false, true} {
		t.Run(fmt.Sprint(holds), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
				killNew(l, "Inactive")
				l.RunUntil(25*time.Hour, func(r rotate.Result) bool { return r.NeedsPerson })
				if holds {
					_, _ = l.Rotator.Hold(t.Context(), "default")
				}
				id := l.ShownID()
				lab.Must(t, l.User.SetStatus(id, "Active")) // keyd waits until AWS knows it
				r := l.Pass(rotate.Request{Options: decide.Options{Manual: true}})
				if r.NeedsPerson {
					t.Errorf("%s: %s", r.State, r.Why)
				}
				if holds {
					if r.State != decide.StateHeld {
						t.Errorf("%s: %s", r.State, r.Why)
					}
					_, err := l.Rotator.Resume(t.Context(), "default")
					lab.Must(t, err)
				}
				l.RunUntil(20*settings.Day, lab.Settled)
				if l.CheckOneKey(); l.ShownID() != id {
					t.Errorf("the file shows %s", l.ShownID())
				}
			})
		})
	}
}

// TestOldKeyDeletedByHandIsTold: once someone has deleted the old key in the console, the
// status no longer says that it stays usable, nor names a command that brings it back. The
// rotation ends at its time.
func TestOldKeyDeletedByHandIsTold(t *testing.T) {
	for _, state := range []decide.State{decide.StateOverlap, decide.StateHeld, decide.StateQuarantine} {
		t.Run(string(state), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				l.Rotator.Settings.Overlap = 3 * settings.Day
				reach := state
				if state == decide.StateHeld {
					reach = decide.StateOverlap
				}
				l.RunUntil(10*settings.Day, func(r rotate.Result) bool { return r.State == reach })
				if state == decide.StateHeld {
					_, err := l.Rotator.Hold(t.Context(), "default")
					lab.Must(t, err)
				}
				lab.Must(t, l.User.DeleteKey(l.OldKey.ID))
				time.Sleep(settings.Day + time.Hour)
				if r := l.Pass(rotate.Request{}); r.State != state || !strings.Contains(r.Why, "someone has deleted AKIA..") || strings.Contains(r.Why, "usable") || r.NeedsPerson {
					t.Errorf("%s: %s", r.State, r.Why)
				}
				if state == decide.StateHeld {
					_, err := l.Rotator.Resume(t.Context(), "default")
					lab.Must(t, err)
				}
				l.RunUntil(20*settings.Day, lab.Settled)
				l.CheckOneKey()
			})
		})
	}
}
