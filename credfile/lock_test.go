package credfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"keyd/credfile"
)

func TestLock(t *testing.T) {
	one := store(t, pair("default", oldKey), pair("default", oldKey))
	two := *one // another process of the same user
	two.Paths.Credentials = filepath.Join(filepath.Dir(one.LockDir), "elsewhere")
	unlock, err := one.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		for name, s := range map[string]*credfile.Store{"51 the same files": one, "51 one file in common": &two} {
			_, lock := s.Lock(t.Context())
			_, swap := s.Swap(t.Context(), oldKey, newKey)
			for _, err := range []error{lock, swap, s.Check(t.Context(), oldKey), s.Sweep(t.Context())} {
				if !errors.Is(err, credfile.ErrLocked) {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	})
	unlock()
	if fi, err := os.Stat(one.LockDir); err != nil || filepath.Separator == '/' && fi.Mode().Perm() != 0o700 {
		t.Errorf("lock directory: %v, %v", fi, err)
	}
	if unlock, err = two.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	unlock()
	shows(t, one, pair("default", oldKey), pair("default", oldKey))
}

// 51: of two keyd processes that both made a successor one writes it, and the
// other learns that the key is no longer there.
func TestTwoSwaps(t *testing.T) {
	one := store(t, pair("default", oldKey), pair("default", oldKey))
	two := *one
	synctest.Test(t, func(t *testing.T) {
		results := make(chan error, 2)
		go func() { _, err := one.Swap(t.Context(), oldKey, newKey); results <- err }()
		go func() { _, err := two.Swap(t.Context(), oldKey, thirdKey); results <- err }()
		a, b := <-results, <-results
		if a != nil {
			a, b = b, a
		}
		if _, gone := errors.AsType[*credfile.Gone](b); a != nil || !gone {
			t.Errorf("%v, %v", a, b)
		}
	})
	winner := newKey
	if data, _ := os.ReadFile(one.Paths.Config); strings.Contains(string(data), thirdKey.ID) {
		winner = thirdKey
	}
	shows(t, one, pair("default", winner), pair("default", winner))
}
