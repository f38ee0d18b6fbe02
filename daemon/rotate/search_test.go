package rotate_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// searcher stands in for the search of a laptop.
type searcher struct {
	l        *lab.Lab
	stateDir string
	takes    time.Duration
	found    decide.Copies // of every id

	mu    sync.Mutex
	began []time.Time
	ids   []string
}

// search looks whether the pass lock is free while it runs, and returns what is to be found.
func (s *searcher) search(ctx context.Context, ids []string) []decide.Copies {
	s.note(ids)
	if s.takes > 0 {
		time.Sleep(s.takes / 2)
		lock, err := state.LockPass(context.WithoutCancel(ctx), s.l.Sys, s.stateDir, 10*time.Second, s.l.Now)
		if err != nil {
			s.l.T.Errorf("the lock is held while this machine is searched: %v", err)
		} else {
			lock.Unlock()
		}
		select {
		case <-ctx.Done():
		case <-time.After(s.takes / 2):
		}
	}
	var all []decide.Copies
	for _, id := range ids {
		c := s.found
		c.KeyID = id
		if ctx.Err() != nil {
			c.Unfinished = "the time was over"
		}
		all = append(all, c)
	}
	return all
}

// newSearcher lets a lab's keyd find a file and a process.
func newSearcher(l *lab.Lab, takes time.Duration) *searcher {
	s := &searcher{l: l, stateDir: l.Rotator.StateDir, takes: takes, found: decide.Copies{
		Files:     []decide.CopyFile{{Path: "/home/alice/x/.env", Line: 3, Kind: "env"}},
		Processes: []decide.CopyProcess{{Name: "python3", PID: 812}},
	}}
	l.Rotator.Search = s.search
	return s
}

// note records that a search for ids has begun.
func (s *searcher) note(ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began, s.ids = append(s.began, time.Now()), append(s.ids, ids...)
}

// starts returns when each search has begun.
func (s *searcher) starts() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.began)
}

// asked returns the ids that were searched for.
func (s *searcher) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ids)
}

const foundText = "stands in /home/alice/x/.env:3, and in the environment of python3 (pid 812)"

// TestSearchBeforeCreate: this machine is searched once before the new key exists, while
// the lock is free, and however long that takes, the rotation goes on after a minute. What
// was found is told once, and is in the status.
func TestSearchBeforeCreate(t *testing.T) {
	for name, takes := range map[string]time.Duration{"at once": 0, "20 s": 20 * time.Second, "too long": 3 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 61*settings.Day)
				l.Rotator.Settings.RotateAfter = 50 * settings.Day
				s := newSearcher(l, takes)
				if takes > time.Hour { // a disk that hangs heeds no context
					l.Rotator.Search = func(_ context.Context, ids []string) []decide.Copies {
						s.note(ids)
						time.Sleep(takes)
						return nil
					}
				}
				began := time.Now()
				r := l.PassOnce(rotate.Request{})
				if r.Rotation == nil || r.Rotation.New.ID == "" || r.Err != nil {
					t.Fatalf("%s: %s, %v", r.State, r.Why, r.Err)
				}
				if waited := r.Rotation.Created.Sub(began); waited > 2*time.Minute || len(s.starts()) != 1 || s.starts()[0].After(r.Rotation.Created) {
					t.Errorf("created after %s, %d searches", waited, len(s.starts()))
				}
				if !slices.Contains(s.asked(), l.OldKey.ID) {
					t.Errorf("searched for %q", s.asked())
				}
				found := r.FoundCopies
				switch {
				case found == nil || found.KeyID != l.OldKey.ID:
					t.Fatalf("the status has %+v", found)
				case takes > time.Hour:
					if found.Unfinished == "" || !found.IsEmpty() {
						t.Errorf("a search that hangs looks like one that has found nothing: %+v", found)
					}
					time.Sleep(takes) // it ends some day
				case len(found.Files) != 1 || found.Searched.Before(began.UTC()) || countEvents(l, "copies AKIA") != 1 || !strings.Contains(strings.Join(l.Events, "\n"), "also "+foundText):
					t.Errorf("%+v, told\n%s", found, strings.Join(l.Events, "\n"))
				}
				l.RunUntil(30*settings.Day, func(r rotate.Result) bool { return lab.Settled(r) && r.KeyID != l.OldKey.ID })
				if again := len(s.starts()) > 1; again != (takes > time.Hour) {
					t.Errorf("%d searches: one that was not finished is repeated in the overlap, and no other", len(s.starts()))
				}
				if countEvents(l, "copies") > 1 || l.KeyStatuses()[l.OldKey.ID] != "" {
					t.Errorf("told\n%s", strings.Join(l.Events, "\n"))
				}
				l.CheckPromises()
			})
		})
	}
}

// countEvents returns how many events begin with a text.
func countEvents(l *lab.Lab, begin string) (n int) {
	for _, e := range l.Events {
		if strings.HasPrefix(e, begin) {
			n++
		}
	}
	return n
}

// TestKilledSearchCostsNothing: a process that is killed while this machine is searched has
// created nothing, and the next one begins again.
func TestKilledSearchCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 61*settings.Day)
		l.Rotator.Settings.RotateAfter = 50 * settings.Day
		newSearcher(l, 40*time.Second)
		ctx, kill := context.WithTimeout(t.Context(), 15*time.Second)
		defer kill()
		_, err := l.Rotator.Pass(ctx, rotate.Request{})
		if (err != nil && !errors.Is(err, context.DeadlineExceeded)) || len(l.KeyStatuses()) != 1 || l.ShownID() != l.OldKey.ID {
			t.Fatalf("%v, %v", err, l.KeyStatuses())
		}
		time.Sleep(time.Minute)
		l.Restart()
		l.Rotator.Settings.RotateAfter = 50 * settings.Day
		s := newSearcher(l, 10*time.Second)
		if r := l.Pass(rotate.Request{}); r.State != decide.StateOverlap || len(s.starts()) != 1 {
			t.Errorf("%s: %s; %d searches", r.State, r.Why, len(s.starts()))
		}
		l.CheckPromises()
	})
}

// TestUseNamesItsProcess: a program uses the old key for six days after the swap, and then
// no more. Status and event say by which service, where and when, and which file and
// process hold it; this machine is searched once a day; and the rotation ends by itself,
// an overlap after the last use.
func TestUseNamesItsProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 61*settings.Day)
		l.Rotator.Settings.RotateAfter, l.Rotator.Settings.Overlap = 50*settings.Day, 3*settings.Day
		s := newSearcher(l, 5*time.Second)
		first := s.found
		s.found = decide.Copies{}
		if r := l.Pass(rotate.Request{}); r.State != decide.StateOverlap || strings.Contains(r.Why, "stands") {
			t.Fatalf("%s: %s", r.State, r.Why)
		}
		s.found = first
		var lastUse time.Time
		for range 6 * 8 {
			lab.Must(t, l.User.UseKey(l.OldKey.ID, "s3", "eu-west-1"))
			lastUse = time.Now()
			time.Sleep(3 * time.Hour)
			l.Pass(rotate.Request{})
		}
		r := l.Pass(rotate.Request{})
		if r.State != decide.StateOverlap || r.NeedsPerson || !strings.Contains(r.Why, "is still used by s3 in eu-west-1, ") || !strings.Contains(r.Why, "it "+foundText) {
			t.Errorf("%s: %s", r.State, r.Why)
		}
		if n := len(s.starts()); n < 5 || n > 8 {
			t.Errorf("%d searches in six days, the first before the key was created", n)
		}
		if countEvents(l, "still used") != 1 || countEvents(l, "copies") != 0 || !strings.Contains(strings.Join(l.Events, "\n"), "; it "+foundText) {
			t.Errorf("told\n%s", strings.Join(l.Events, "\n"))
		}
		status, err := state.LoadStatusAndMemoryFrom(l.Sys, l.Rotator.StateDir)
		if line := status.FindKey(l.ShownID()); err != nil || line == nil || line.FoundCopies == nil || line.FoundCopies.KeyID != l.OldKey.ID || line.OldKeyUse.Last == nil {
			t.Errorf("the status has %+v, %v", line, err)
		}
		s.found = decide.Copies{} // the program has ended
		ended := l.RunUntil(20*settings.Day, func(rotate.Result) bool { return l.KeyStatuses()[l.OldKey.ID] != "Active" })
		if quiet := time.Since(lastUse); quiet < 3*settings.Day || quiet > 5*settings.Day || ended.NeedsPerson {
			t.Errorf("the overlap ended %s after the last use: %s", quiet, ended.Why)
		}
		done := l.RunUntil(20*settings.Day, lab.Settled)
		if done.FoundCopies != nil && done.FoundCopies.KeyID == l.OldKey.ID || l.KeyStatuses()[l.OldKey.ID] != "" {
			t.Errorf("%+v, %v", done.FoundCopies, l.KeyStatuses())
		}
		l.CheckPromises()
	})
}

// TestLinkedFileIsNoCopy: a linked file gets the new pair in the rotation, and nobody has to
// be told of it.
func TestLinkedFileIsNoCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 61*settings.Day)
		l.Rotator.Settings.RotateAfter = 50 * settings.Day
		l.WriteFile("env", "AWS_ACCESS_KEY_ID="+l.OldKey.ID+"\nAWS_SECRET_ACCESS_KEY="+l.OldKey.Secret.Reveal()+"\n")
		s := newSearcher(l, 0)
		s.found.Files = append([]decide.CopyFile{{Path: filepath.Join(l.Home, "env"), Line: 1}}, s.found.Files...)
		l.Rotator.Settings.Links = []settings.Link{{Path: filepath.Join(l.Home, "env")}}
		r := l.Pass(rotate.Request{})
		if r.State != decide.StateOverlap || len(r.FoundCopies.Files) != 1 || r.FoundCopies.Files[0].Path != "/home/alice/x/.env" || !strings.Contains(l.ReadFile("env"), r.Rotation.New.ID) {
			t.Errorf("%s: %s; found %+v", r.State, r.Why, r.FoundCopies)
		}
		l.CheckPromises()
	})
}

// TestFirstSearchInOverlap: a person has begun the rotation, without a search. The daemon
// makes up for it before the old key stops working, used or not.
func TestFirstSearchInOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 61*settings.Day)
		if r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, Force: true}}); r.State != decide.StateOverlap || r.FoundCopies != nil {
			t.Fatalf("%s: %s", r.State, r.Why)
		}
		s := newSearcher(l, 0)
		time.Sleep(12 * time.Hour)
		r := l.Pass(rotate.Request{})
		if len(s.starts()) != 1 || !strings.Contains(r.Why, "then deactivated") || !strings.Contains(r.Why, "; it "+foundText) || l.KeyStatuses()[l.OldKey.ID] != "Active" {
			t.Errorf("%d searches; %s", len(s.starts()), r.Why)
		}
		l.CheckPromises()
	})
}
