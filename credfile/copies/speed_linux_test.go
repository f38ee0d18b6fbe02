package copies

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keyd/credfile/deeptest"
)

// The tree of TestSearchIsFasterThanGrep.
const (
	treeFiles = 100_000
	treeBytes = 1536 << 20
)

// searchChild makes this program search a folder, as keyd where does, so that its time and
// memory can be measured.
const searchChild = "KEYD_TEST_SEARCH"

// TestSearchIsFasterThanGrep searches a tree of 100,000 files and 1.5 GiB, none of which is
// skipped, in turns with grep, and demands that all planted copies are found, none is
// invented, and that a search takes no longer than grep and no more than 64 MiB.
func TestSearchIsFasterThanGrep(t *testing.T) {
	if !deeptest.On() {
		t.Skip("writes 1.5 GiB; KEYD_DEEP=1 runs it")
	}
	grep, err := exec.LookPath("grep")
	if err != nil {
		t.Skip(err)
	}
	dir := os.Getenv("KEYD_TEST_TREE") // kept between runs, for profiling
	if dir == "" {
		dir = t.TempDir()
	}
	want := makeTree(t, dir)
	var ratios []float64
	var memory int64
	for i := range 6 {
		took, out, rss := runTimed(t, searchChild+"="+dir, os.Args[0])
		if got := strings.Fields(out); !slices.Equal(got, want) {
			t.Fatalf("found %d copies, want %d:\n%s", len(got), len(want), diffLists(got, want))
		}
		grepTook, _, _ := runTimed(t, "LC_ALL=C", grep, "-rF", testID, dir)
		if memory = max(memory, rss); i > 0 { // the first turn warms the cache
			ratios = append(ratios, took.Seconds()/grepTook.Seconds())
			t.Logf("search %s, grep %s: %.2f; %d MiB", took, grepTook, ratios[i-1], rss>>20)
		}
	}
	slices.Sort(ratios)
	if median := ratios[len(ratios)/2]; median > 1 || memory > 64<<20 {
		t.Errorf("a search takes %.2f times as long as grep, and %d MiB", median, memory>>20)
	}
}

// runTimed runs a program, and returns its time, its output and its memory in bytes.
func runTimed(t *testing.T, variable string, argv ...string) (time.Duration, string, int64) {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), variable)
	var out bytes.Buffer
	cmd.Stdout = &out
	began := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatal(argv, err)
	}
	took := time.Since(began)
	return took, out.String(), cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
}

func diffLists(got, want []string) string {
	var b strings.Builder
	for _, path := range want {
		if !slices.Contains(got, path) {
			b.WriteString("missed " + path + "\n")
		}
	}
	for _, path := range got {
		if !slices.Contains(want, path) {
			b.WriteString("invented " + path + "\n")
		}
	}
	return b.String()
}

// makeTree writes the tree, unless it is there already, and returns the paths of the copies
// in it, in order.
func makeTree(t *testing.T, dir string) (planted []string) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	pools := [][]byte{textPool(random), numberPool(random), base64Pool(random), binaryPool(random)}
	extensions := []string{"go", "json", "txt", "dat"}
	var found []string
	for name, e := range encodings {
		if e.line > 0 {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	done := filepath.Join(dir, "done")
	_, err := os.Stat(done)
	folder := dir
	for i, left := 0, treeBytes; i < treeFiles; i++ {
		if i%12 == 0 {
			folder = filepath.Join(dir, "d"+strconv.Itoa(i/12%40), "e"+strconv.Itoa(i/480%20), "f"+strconv.Itoa(i/12))
			if err != nil {
				if err := os.MkdirAll(folder, 0o700); err != nil {
					t.Fatal(err)
				}
			}
		}
		kind := []int{0, 0, 0, 0, 0, 1, 1, 2, 3, 3}[random.IntN(10)]
		pool := pools[kind]
		size := min(int(float64(treeBytes/treeFiles)*random.ExpFloat64()), len(pool)/2)
		if i == treeFiles-1 {
			size = min(max(left, 0), len(pool)/2)
		}
		left -= size
		from := random.IntN(len(pool) / 2)
		text := pool[from : from+size]
		path := filepath.Join(folder, fmt.Sprintf("f%d.%s", i, extensions[kind]))
		if i%2500 == 77 { // 40 of them
			e := encodings[found[i/2500%len(found)]]
			text = []byte(e.text)
			if e.encoding != UTF16 && kind != 3 {
				text = slices.Concat(pools[0][:random.IntN(30_000)], []byte("\n"), text)
			}
			planted = append(planted, path)
		}
		if err != nil {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(done, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	slices.Sort(planted)
	return planted
}
