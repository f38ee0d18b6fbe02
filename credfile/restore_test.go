package credfile_test

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"keyd/credfile"
	"keyd/credfile/atomicfile/atomicfiletest"
)

// The first sync of the folder after the first file was written fails. Swap then puts
// everything back. Restore keeps what it has written and continues with the other
// file, because the previous pair may no longer work.
func TestRestoreKeepsWhatItHasWritten(t *testing.T) {
	was, is := pairText("default", oldKey), pairText("default", newKey)
	for name, test := range map[string]struct {
		put  func(*credfile.Store) (credfile.SwapResult, error)
		want string
	}{
		"swap":    {func(s *credfile.Store) (credfile.SwapResult, error) { return s.Swap(t.Context(), oldKey, newKey) }, was},
		"restore": {func(s *credfile.Store) (credfile.SwapResult, error) { return s.Restore(t.Context(), oldKey, newKey) }, is},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, was, was)
			written, failed := false, false
			askBeforeCalls(s, func(c atomicfiletest.Call) error {
				written = written || c.Op == "Exchange" || c.Op == "Rename" && c.Name == s.Paths.Credentials
				if c.Op == "SyncDir" && written && !failed {
					failed = true
					return syscall.EDQUOT
				}
				return nil
			})
			if _, err := test.put(s); !errors.Is(err, syscall.EDQUOT) {
				t.Errorf("got %v, want the failed sync", err)
			}
			requireFiles(t, s, test.want, test.want)
		})
	}
}

// The sync of a file that is written in place fails. Swap undoes its write. Restore and
// Mend do not, so that neither a dead pair nor a torn pair comes back.
func TestRestoreInPlaceKeepsWhatItHasWritten(t *testing.T) {
	for _, test := range []struct {
		name, was, want string
		put             func(*credfile.Store, context.Context, credfile.Key, credfile.Key) (credfile.SwapResult, error)
	}{
		{"swap", pairText("default", oldKey), pairText("default", oldKey), (*credfile.Store).Swap},
		{"restore", pairText("default", oldKey), pairText("default", newKey), (*credfile.Store).Restore},
		{"mend", pairText("default", makeKey(newKey.ID, "o")), pairText("default", newKey), (*credfile.Store).Mend},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStore(t, test.was, "")
			forceInPlace(t, s.Paths.Credentials)
			failed := false
			askBeforeCalls(s, func(c atomicfiletest.Call) error {
				if c.Op == "Sync" && c.Name == s.Paths.Credentials && !failed {
					failed = true
					return syscall.ENOSPC
				}
				return nil
			})
			if _, err := test.put(s, t.Context(), oldKey, newKey); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("got %v, want the failed sync", err)
			}
			requireFiles(t, s, test.want, "")
		})
	}
}
