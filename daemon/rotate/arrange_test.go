package rotate_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// TestArrangeKeepsPassesOutAndRotationsWhole changes the files under the lock of a pass, and
// not at all while a rotation is in progress.
func TestArrangeKeepsPassesOutAndRotationsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		failed, called := errors.New("the change failed"), 0
		err := l.Rotator.Arrange(t.Context(), "work", func(ctx context.Context) error {
			called++
			if _, err := state.LockPass(ctx, atomicfile.OS{}, l.Rotator.StateDir, 0, time.Now); err == nil {
				t.Error("a pass could begin meanwhile")
			}
			return failed
		})
		if !errors.Is(err, failed) || called != 1 {
			t.Errorf("%v, called %d times", err, called)
		}
		if err := l.Rotator.Arrange(t.Context(), "wrok", func(context.Context) error { called++; return nil }); err == nil || called != 1 {
			t.Error("an unknown profile was accepted")
		}
		l.RunUntil(20*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
		err = l.Rotator.Arrange(t.Context(), "work", func(context.Context) error { called++; return nil })
		if err == nil || called != 1 || hint.Hint(err) == "" {
			t.Errorf("in the overlap: %v, called %d times", err, called)
		}
		l.RunUntil(30*settings.Day, lab.Settled)
		if err := l.Rotator.Arrange(t.Context(), "work", func(context.Context) error { called++; return nil }); err != nil || called != 2 {
			t.Errorf("after the rotation: %v, called %d times", err, called)
		}
		l.CheckPromises()
	})
}

// TestStatusSaysSinceWhenTheFilesShowTheNewKey is what keyd status counts from when it says
// that programs have the new key.
func TestStatusSaysSinceWhenTheFilesShowTheNewKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		before := time.Now()
		r := l.RunUntil(20*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
		if r.Swapped.Before(before) || r.Swapped.After(time.Now()) || !r.Swapped.Equal(r.Rotation.Swapped) {
			t.Errorf("swapped %s, in the journal %s", r.Swapped, r.Rotation.Swapped)
		}
		if r := l.RunUntil(30*settings.Day, lab.Settled); !r.Swapped.IsZero() {
			t.Errorf("swapped %s after the rotation", r.Swapped)
		}
	})
}
