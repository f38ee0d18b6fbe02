package atomicfile_test

import (
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
)

var races = flag.Int("races", 200, "TestReplaceRaces lets another program write so often during a replacement")

// TestReplaceRaces lets another program rename a file into place at any instant of
// a replacement, and nobody tells them when: whatever the instant, its file is
// there when both are done. How often it came between the last look and the
// moment in which the new file took the name is counted.
func TestReplaceRaces(t *testing.T) {
	dir := home(t)
	if !exchanges(t, dir) {
		t.Skip("the file system exchanges no names: what is renamed in the microseconds before keyd's rename is lost")
	}
	lost, changed := raced(t, dir, fine)
	if lost > 0 {
		t.Errorf("lost %d of %d", lost, *races)
	}
	renames, _ := raced(t, dir, unexchanged)
	t.Logf("%d of %d were there first, none was lost; a rename would have lost %d", changed, *races, renames)
}

func raced(t *testing.T, dir string, ask func(atomicfiletest.Call) error) (lost, changed int) {
	path := filepath.Join(dir, "credentials")
	for range *races {
		put(t, path, text)
		put(t, path+".new", "theirs\n")
		o := read(t, atomicfile.OS{}, path)
		synctest.Test(t, func(t *testing.T) { // time passes quickly where keyd waits
			done := make(chan error)
			spins := rand.IntN(60000)
			go func() {
				for i := range spins {
					_ = i * i
				}
				done <- os.Rename(path+".new", path)
			}()
			sys := &atomicfiletest.Faulty{Sys: atomicfile.OS{}, Ask: ask, Fast: true}
			_, err := atomicfile.On(sys, o).Replace(t.Context(), []byte("ours\n"))
			if errors.Is(err, atomicfile.ErrChanged) {
				changed++
			} else if err != nil {
				t.Error(err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		if get(t, path) != "theirs\n" {
			lost++
		}
		if left := temps(t, path); len(left) > 0 {
			t.Fatalf("left %q", left)
		}
	}
	return lost, changed
}
