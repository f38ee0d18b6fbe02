package copies

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// inside returns the paths of the copies below home, with slashes.
func inside(r Report, home string) []string {
	paths := []string{}
	for _, c := range r.Copies {
		rest, _ := strings.CutPrefix(c.Path, home+string(filepath.Separator))
		paths = append(paths, filepath.ToSlash(rest))
	}
	return paths
}

func gapOf(r Report, why Reason) Gap {
	for _, g := range r.Gaps {
		if g.Reason == why {
			return g
		}
	}
	return Gap{}
}

// TestNothingWithoutConfigurationIsSearched checks what is skipped by its name, and that
// what only looks like it is searched.
func TestNothingWithoutConfigurationIsSearched(t *testing.T) {
	skipped := []string{"p/node_modules/x/.env", "p/.git/objects/ab/cd", "p/.git/modules/sub/objects/ab/cd", "bare.git/objects/ab/cd", ".cache/x", ".cargo/registry/x", "go/pkg/mod/x", "a.png", "A.JPG", "b.zip",
		"venv/lib/python3/site-packages/x.py", ".terraform/providers/x", "vm.qcow2", "lib.so", "x.gz", "Library/Caches/x", ".m2/repository/x"}
	searched := []string{"p/.git/config", "p/.git/hooks/pre-push", "objects/x", "cache/x", "p/.terraform/terraform.tfstate", "registry/x", "modules/x", "repository/x", ".aws/cli/cache/x.json", "providers/x", "png", ".zip.txt", "x.ts",
		"AppData/Roaming/Microsoft/Windows/PowerShell/PSReadLine/ConsoleHost_history.txt", "node_modules.env", "build/x", "dist/x", "target/x", "vendor/x", "tmp/x"}
	files := map[string]string{}
	for _, name := range slices.Concat(skipped, searched) {
		files[name] = pairFile
	}
	home := writeTree(t, files)
	r := find(t, home)
	slices.Sort(searched)
	if got := inside(r, home); !slices.Equal(got, searched) {
		t.Errorf("found %q\nwant  %q", got, searched)
	}
	if n := gapOf(r, NoConfig).Count + gapOf(r, Packed).Count; n != len(skipped) {
		t.Errorf("%d were counted as skipped, want %d: %+v", n, len(skipped), r.Gaps)
	}
	// A root is searched whatever its name is.
	r, err := Search(context.Background(), Options{IDs: []string{testID}, Home: home, Roots: []string{filepath.Join(home, "p", "node_modules"), filepath.Join(home, "a.png")}})
	if got := inside(r, home); err != nil || !slices.Equal(got, []string{"a.png", "p/node_modules/x/.env"}) {
		t.Error(got, err)
	}
}

// TestOwnFilesAreNoCopies checks that neither the AWS files nor their hard links count, nor
// anything in the state folder.
func TestOwnFilesAreNoCopies(t *testing.T) {
	home := writeTree(t, map[string]string{".aws/credentials": pairFile, "state/rotations/x.json": testID, "real/aws": pairFile, "copy": pairFile})
	own := []string{filepath.Join(home, ".aws", "credentials"), filepath.Join(home, "state"), filepath.Join(home, "gone"), filepath.Join(home, "link")}
	want := []string{"copy"}
	_ = os.Symlink(filepath.Join(home, "real", "aws"), own[3]) // Windows may forbid it, and wine makes half of one
	target, err := os.Stat(filepath.Join(home, "real", "aws"))
	if err != nil {
		t.Fatal(err)
	}
	if link, err := os.Stat(own[3]); err != nil || !os.SameFile(link, target) {
		want = append(want, "real/aws")
	}
	r, err := Search(context.Background(), Options{IDs: []string{testID}, Home: home, Own: own})
	if got := inside(r, home); err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestReportHoldsNoSecret looks for the secret in everything that a search returns.
func TestReportHoldsNoSecret(t *testing.T) {
	files := map[string]string{}
	for name, e := range encodings {
		files[strings.ReplaceAll(name, " ", "_")] = e.text
	}
	files[".env"] = "A=" + testSecret + " " + testID
	r := find(t, writeTree(t, files))
	data, err := json.Marshal(r)
	if err != nil || len(r.Copies) < 20 {
		t.Fatal(err, len(r.Copies))
	}
	for _, part := range []string{testSecret, testSecret[:12], "MARKED", b64(testSecret)[:16]} {
		if strings.Contains(string(data), part) {
			t.Errorf("the report holds %s", part)
		}
	}
	var back Report
	if err := json.Unmarshal(data, &back); err != nil || len(back.Copies) != len(r.Copies) || back.Files != r.Files {
		t.Error(err)
	}
}

// TestPlacesAndCopiesAreBounded checks that a file or a tree full of ids costs no more.
func TestPlacesAndCopiesAreBounded(t *testing.T) {
	r := find(t, writeTree(t, map[string]string{"log": strings.Repeat(testID+"\n", MaxPlaces+5), "line": testID + " " + testID}))
	if got := r.Copies; len(got) != 2 || len(got[0].Places) != 1 || len(got[1].Places) != MaxPlaces || got[1].More != 5 {
		t.Errorf("%+v", got)
	}
	s := newSearch(context.Background(), Options{}, nil)
	for i := range MaxCopies + 3 {
		s.addCopy(Copy{Path: strconv.Itoa(i)})
	}
	if r := s.finish(); len(r.Copies) != MaxCopies || r.More != 3 {
		t.Errorf("%d copies and %d more", len(r.Copies), r.More)
	}
}

// TestOnlyTheBeginningOfBinaryFilesIsSearched checks the bound and that it is reported. A
// database is searched as a whole.
func TestOnlyTheBeginningOfBinaryFilesIsSearched(t *testing.T) {
	zeros := strings.Repeat("\x00", MaxBinary)
	r := find(t, writeTree(t, map[string]string{"early": "\x00" + testID, "late": zeros + testID, "short": zeros[:MaxBinary-40] + testID, "history.db": "SQLite format 3\x00" + zeros + testID}))
	if len(r.Copies) != 3 || gapOf(r, Binary).Count != 1 || !strings.HasSuffix(gapOf(r, Binary).Examples[0], "late") {
		t.Errorf("%+v %+v", r.Copies, r.Gaps)
	}
}

// TestIdsAcrossBuffers puts an id at every offset around the ends of the first two buffers.
func TestIdsAcrossBuffers(t *testing.T) {
	home := writeTree(t, nil)
	path := filepath.Join(home, "file")
	filler := []byte(strings.Repeat("0123456789abcde\n", 2*bufferSize/16+100))
	for _, form := range []string{testID, b64("\n" + testID + "\n")} {
		for _, end := range []int{bufferSize - maxReach, bufferSize, 2*bufferSize - maxReach} {
			for at := end - len(form) - 2; at <= end+2; at += 7 {
				data := slices.Clone(filler)
				copy(data[at:], " "+form+" ")
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
				r := find(t, home)
				if len(r.Copies) != 1 || len(r.Copies[0].Places) != 1 || r.Copies[0].Places[0].Line != strings.Count(string(data[:at+1]), "\n")+1 {
					t.Fatalf("%d bytes of %d: %+v", at, len(form), r.Copies)
				}
			}
		}
	}
}

// TestFullListOfFolders searches when no folder may wait, and a folder with many files.
func TestFullListOfFolders(t *testing.T) {
	files, want := map[string]string{}, []string{}
	for i := range 3*batch + 7 {
		name := fmt.Sprintf("wide/%04d", i)
		if files[name] = "x"; i%50 == 0 {
			files[name], want = testID, append(want, name)
		}
	}
	for i := range 20 {
		name := strings.Repeat("d/", i+1) + "x"
		files[name], want = testID, append(want, name)
	}
	home := writeTree(t, files)
	slices.Sort(want)
	m, err := newMatcher([]string{testID})
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range []int{0, 1, maxJobs} {
		s := newSearch(context.Background(), Options{Home: home}, m)
		s.jobs, s.room = append(s.jobs, job{path: home}), room
		s.work()
		if got := inside(s.finish(), home); !slices.Equal(got, want) {
			t.Errorf("room for %d: %d copies, want %d", room, len(got), len(want))
		}
	}
}

// TestSearchEndsAtOnce cancels a search before it begins, and one of low priority while it
// runs.
func TestSearchEndsAtOnce(t *testing.T) {
	home := writeTree(t, map[string]string{"big": strings.Repeat("0123456789abcde\n", 1<<19), "x": testID})
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(gone)
	if r, err := Search(ctx, Options{IDs: []string{testID}, Home: home}); !errors.Is(err, gone) || len(r.Copies) > 0 {
		t.Error(r, err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer stop()
	began := time.Now()
	r, err := Search(ctx, Options{IDs: []string{testID}, Home: home, Low: true})
	if took := time.Since(began); took > 5*time.Second || err == nil && len(r.Copies) != 1 {
		t.Error(took, err)
	}
}

// TestLowPriorityFindsTheSame searches with one worker that pauses.
func TestLowPriorityFindsTheSame(t *testing.T) {
	home := writeTree(t, map[string]string{"a/b/.env": testID, "c": pairFile})
	r, err := Search(context.Background(), Options{IDs: []string{testID}, Home: home, Low: true})
	if got := inside(r, home); err != nil || !slices.Equal(got, []string{"a/b/.env", "c"}) {
		t.Error(got, err)
	}
}

// TestSeveralKeysInOneSearch checks that each place names its key.
func TestSeveralKeysInOneSearch(t *testing.T) {
	home := writeTree(t, map[string]string{"a": testID, "b": otherID + "\n" + testID, "c": b64(otherID)})
	r, err := Search(context.Background(), Options{IDs: []string{testID, otherID, testID}, Home: home})
	if err != nil || len(r.Copies) != 3 || !slices.Equal(r.Copies[1].Places, []Place{{1, otherID, Plain}, {2, testID, Plain}}) || !r.Copies[2].Holds(otherID) || r.Copies[0].Holds(otherID) {
		t.Errorf("%+v %v", r, err)
	}
}

// TestVanishedFilesAreNoGap checks files and folders that are gone since the folder was read.
func TestVanishedFilesAreNoGap(t *testing.T) {
	home := writeTree(t, map[string]string{"a": testID})
	m, err := newMatcher([]string{testID})
	if err != nil {
		t.Fatal(err)
	}
	s := newSearch(context.Background(), Options{Home: home}, m)
	w := &worker{search: s, buffer: make([]byte, bufferSize)}
	dir, err := openFolder(home, false)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.release()
	w.searchFile(dir, home, "gone")
	w.searchFolder(filepath.Join(home, "gone"), false)
	w.searchFolder(filepath.Join(home, "a"), false) // it was a folder
	if gaps := s.finish().Gaps; len(gaps) > 0 {
		t.Errorf("%+v", gaps)
	}
	w.addError(&fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}, filepath.Join(home, "x"))
	w.addError(errors.New("input/output error"), filepath.Join(home, "y"))
	if r := s.finish(); gapOf(r, Denied).Count != 1 || gapOf(r, Failed).Count != 1 || !slices.Equal(gapOf(r, Denied).Examples, []string{filepath.Join(home, "x")}) {
		t.Errorf("%+v", r.Gaps)
	}
}

// TestMistakesInOptions checks that a search that cannot be meant is refused, and that a
// value which may be a secret is not in the error.
func TestMistakesInOptions(t *testing.T) {
	home := t.TempDir()
	for name, o := range map[string]Options{
		"no id":         {Home: home},
		"a secret":      {Home: home, IDs: []string{testSecret}},
		"a short id":    {Home: home, IDs: []string{"AKIA1234"}},
		"relative home": {Home: "home", IDs: []string{testID}},
		"relative root": {Home: home, Roots: []string{"x"}, IDs: []string{testID}},
	} {
		if _, err := Search(context.Background(), o); err == nil || strings.Contains(err.Error(), testSecret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r, err := Search(context.Background(), Options{IDs: []string{testID}, Home: filepath.Join(home, "gone")})
	if err != nil || len(r.Errors) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := Search(context.Background(), Options{IDs: []string{testID}, Home: home, Also: []string{filepath.Join(home, "gone")}}); err != nil || len(r.Errors)+len(r.Gaps) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestShownBelowTheInnermostRoot: of two roots, one in the other, each path is shown below the
// same one each time.
func TestShownBelowTheInnermostRoot(t *testing.T) {
	at := filepath.FromSlash
	s := &search{shown: map[string]string{at("/real"): at("/home"), at("/real/work"): at("/src"), at("/real/work/a"): at("/a")}}
	for range 20 { // a map has another order each time
		for path, want := range map[string]string{"/real/x": "/home/x", "/real/work/x": "/src/x", "/real/work/a": "/a", "/real/works": "/home/works", "/other": "/other"} {
			if got := s.show(at(path)); got != at(want) {
				t.Fatalf("%s is shown as %s, want %s", path, got, want)
			}
		}
	}
}
