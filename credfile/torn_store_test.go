package credfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/credfile/internal/faulty"
)

// torn is a text with both keys' bytes: to's up to a part of the way, from's
// behind it.
func torn(text string, from, to credfile.Key, at int) string {
	swap := strings.NewReplacer(from.ID, to.ID, from.Secret.Reveal(), to.Secret.Reveal()).Replace(text)
	return swap[:at] + text[at:]
}

// tears are where in pair("default", ...) a write can be cut, and into what.
var tears = []struct {
	name string
	at   int
}{
	{"in the id", strings.Index(pair("default", oldKey), "OLDOLD0") + 3},
	{"between id and secret", strings.Index(pair("default", oldKey), "\naws_secret")},
	{"in the secret", strings.Index(pair("default", oldKey), "ooooo") + 11},
}

// inPlace makes a file one that no rename may replace.
func inPlace(t *testing.T, path string) {
	t.Helper()
	if err := os.Link(path, filepath.Join(t.TempDir(), "hard link")); err != nil {
		t.Fatal(err)
	}
}

func fast(s *credfile.Store, ask func(faulty.Call) error) { // without syncs
	s.Sys = &faulty.Sys{Sys: atomicfile.OS{}, Fast: true, Ask: ask}
}

func nothing(faulty.Call) error { return nil }

// TestSwapAndMendOfATornFile: Swap makes everything next's, what is torn and what
// shows old; Mend only what is torn. A third key beside it stays either way.
func TestSwapAndMendOfATornFile(t *testing.T) {
	third := pair("third", thirdKey)
	was, is := pair("default", oldKey), pair("default", newKey)
	for _, tear := range tears {
		t.Run(tear.name, func(t *testing.T) {
			s := store(t, "", "")
			fast(s, nothing)
			half := torn(was, oldKey, newKey, tear.at)
			synctest.Test(t, func(t *testing.T) {
				write(t, s, half+third, was)
				swapped, err := s.Mend(t.Context(), oldKey, newKey)
				if err != nil || swapped.Values != 2 {
					t.Errorf("mend: %+v, %v", swapped, err)
				}
				shows(t, s, is+third, was)
				write(t, s, half+third, was)
				if swapped, err = s.Swap(t.Context(), oldKey, newKey); err != nil || swapped.Values != 4 || len(swapped.Profiles) != 2 {
					t.Errorf("swap: %+v, %v", swapped, err)
				}
				shows(t, s, is+third, is)
				write(t, s, was+third, half)
				if _, err = s.Swap(t.Context(), newKey, oldKey); err != nil { // put back
					t.Error(err)
				}
				shows(t, s, was+third, was)
			})
		})
	}
}

// TestMendWithNothingTorn changes nothing, and asks for nothing.
func TestMendWithNothingTorn(t *testing.T) {
	for _, text := range []string{pair("default", oldKey), pair("default", newKey), pair("default", thirdKey)} {
		s := store(t, text, pair("work", oldKey))
		fast(s, nothing)
		synctest.Test(t, func(t *testing.T) {
			if swapped, err := s.Mend(t.Context(), oldKey, newKey); err != nil || swapped.Values != 0 {
				t.Errorf("%+v, %v", swapped, err)
			}
			shows(t, s, text, pair("work", oldKey))
		})
	}
}

// TestATornFileIsMendedWhateverFails: whichever system call of a swap fails or is
// the last one, the torn file is as it was, or shows one of the keys; and the next
// swap makes it whole, with the other file.
func TestATornFileIsMendedWhateverFails(t *testing.T) {
	was, is := pair("default", oldKey), pair("default", newKey)
	half := torn(was, oldKey, newKey, tears[2].at)
	for _, tt := range []struct {
		name string
		err  error
	}{
		{"ENOSPC after half the bytes", &faulty.Short{Err: syscall.ENOSPC}},
		{"EIO", syscall.EIO},
		{"EROFS", syscall.EROFS},
		{"crash", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := store(t, half, was)
			inPlace(t, s.Paths.Credentials)
			reached := true
			for n := 1; reached && !t.Failed(); n++ {
				write(t, s, half, was)
				synctest.Test(t, func(t *testing.T) {
					calls := 0
					fast(s, func(c faulty.Call) error {
						if calls++; calls == n && tt.err == nil {
							panic(crash{})
						}
						if calls == n {
							return tt.err
						}
						return nil
					})
					var err error
					died := survive(s.Sys.(*faulty.Sys), func() { _, err = s.Swap(t.Context(), oldKey, newKey) })
					reached = calls >= n
					credentials, config := content(t, s.Paths.Credentials), content(t, s.Paths.Config)
					if credentials != half && credentials != is || config != was && config != is {
						t.Errorf("after call %d, %v: %q, %q", n, err, credentials, config)
					}
					if done := credentials == is && config == is; !done && !died && err == nil {
						t.Errorf("no error after call %d: %q, %q", n, credentials, config)
					}
					fast(s, nothing)
					if err := s.Sweep(); err != nil {
						t.Error(err)
					}
					if _, err := s.Swap(t.Context(), oldKey, newKey); err != nil {
						t.Error(err)
					}
					shows(t, s, is, is)
				})
			}
		})
	}
}

// TestUndoMendsWhatItsOwnWriteTore: the write in place fails halfway, and so does
// putting the old bytes back at once; the undo then finds halves of both keys.
func TestUndoMendsWhatItsOwnWriteTore(t *testing.T) {
	was := pair("default", oldKey)
	s := store(t, was, "")
	inPlace(t, s.Paths.Credentials)
	synctest.Test(t, func(t *testing.T) {
		writes := 0
		fast(s, func(c faulty.Call) error {
			if c.Op != "WriteAt" {
				return nil
			}
			switch writes++; writes {
			case 1:
				return &faulty.Short{Err: syscall.ENOSPC}
			case 2:
				if half := content(t, s.Paths.Credentials); half == was {
					t.Error("the first write has torn nothing")
				}
				return syscall.EIO
			}
			return nil
		})
		if _, err := s.Swap(t.Context(), oldKey, newKey); !errors.Is(err, syscall.ENOSPC) {
			t.Error(err)
		}
		shows(t, s, was, "")
	})
}

// TestMendDespiteTheOtherFile: a file that cannot be written keeps the old key,
// and does not keep the torn one from being mended.
func TestMendDespiteTheOtherFile(t *testing.T) {
	was, is := pair("default", oldKey), pair("default", newKey)
	s := store(t, torn(was, oldKey, newKey, tears[0].at), was)
	s.Sys = readOnly{atomicfile.OS{}, s.Paths.Config}
	if _, err := s.Swap(t.Context(), oldKey, newKey); !errors.Is(err, syscall.EROFS) {
		t.Error(err)
	}
	shows(t, s, is, was)
}
