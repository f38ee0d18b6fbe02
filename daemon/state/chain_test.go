package state

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/settings"
)

// older is a history that a keyd without a chain wrote, with a line that a crash has torn.
const older = `{"time":"2026-01-01T00:00:00Z","process":"run","pid":1,"did":"created","key":"AKIAOLDER1"}
{"time":"2026-01-02T00:00:00Z","process":"run","pid":1,"did":"swap
{"time":"2026-01-02T00:00:00Z","process":"run","pid":1,"did":"swapped","key":"AKIAOLDER1"}
`

// append1 appends an entry to the history, and fails the test if that fails.
func append1(t *testing.T, h History, verb string) {
	t.Helper()
	if err := h.Append(HistoryEntry{Time: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), Process: "run", PID: 7, Verb: verb, KeyID: "AKIAIOSFODNN7EXAMPLE"}); err != nil {
		t.Fatal(err)
	}
}

// addText adds text to a file as a program does that knows nothing of the chain.
func addText(t *testing.T, path, text string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// historyBytes returns a history with all that can be in one: lines of an older keyd before
// and between the others, lines that a crash has torn, and one that nothing vouches for.
func historyBytes(t *testing.T) []byte {
	h := OpenHistory(t.TempDir(), atomicfile.OS{})
	addText(t, h.Path, older)
	append1(t, h, "created")
	append1(t, h, "swapped")
	addText(t, h.Path, `{"time":"2026-11-30T12:00:00Z","did":"vali`)
	append1(t, h, "validated")
	addText(t, h.Path, strings.SplitAfter(older, "\n")[0])
	append1(t, h, "deactivated")
	append1(t, h, "deleted")
	addText(t, h.Path, strings.SplitAfter(older, "\n")[2]+"{\"torn")
	data, err := os.ReadFile(h.Path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestChainFitsWhateverStandsBetween: lines of an older keyd, before and after it was
// replaced, and torn lines are part of the chain and do not break it.
func TestChainFitsWhateverStandsBetween(t *testing.T) {
	c := CheckChain(historyBytes(t))
	if !c.IsWhole() || c.Lines != 12 || c.Chained != 5 || c.Older != 3 || c.After != (Span{11, 12}) || c.HeadAt != 10 || len(c.At) != 5 {
		t.Errorf("%+v", c)
	}
}

// TestEveryChangedByteIsNoticed changes each byte of a history in several ways. The check
// names the line, or says that nothing vouches for it.
func TestEveryChangedByteIsNoticed(t *testing.T) {
	data := historyBytes(t)
	whole := CheckChain(data)
	for i := range data {
		line := 1 + bytes.Count(data[:i], []byte{'\n'})
		for _, flip := range []byte{0x01, 0x20, 0x80, data[i] ^ '\n', data[i] ^ '"', data[i] ^ '}'} {
			if flip == 0 {
				continue
			}
			changed := bytes.Clone(data)
			changed[i] ^= flip
			c := CheckChain(changed)
			outside := c.After.From > 0 && c.After.From <= line
			named := len(c.Broken) > 0 && c.Broken[0].From <= line && line <= c.Broken[0].To
			if !outside && !named {
				t.Fatalf("byte %d in line %d, %q to %q: %+v", i, line, data[i], changed[i], c)
			}
			if line < whole.After.From && c.At[whole.Head] != 0 && c.IsWhole() {
				t.Fatalf("byte %d in line %d is vouched for by the hash at AWS, and was changed", i, line)
			}
		}
	}
}

// TestLinesThatAreGoneOrMovedAreNoticed removes, repeats and exchanges lines.
func TestLinesThatAreGoneOrMovedAreNoticed(t *testing.T) {
	lines := strings.SplitAfter(string(historyBytes(t)), "\n")
	chained := func(n int) bool { return strings.Contains(lines[n], chainField) }
	check := func(what string, n int, changed []string) {
		c := CheckChain([]byte(strings.Join(changed, "")))
		if c.IsWhole() || c.Broken[0].From > n+1 || c.Broken[0].To < n+1 {
			t.Errorf("%s line %d: %+v", what, n+1, c.Broken)
		}
	}
	for n := range 9 {
		check("without", n, append(append([]string{}, lines[:n]...), lines[n+1:]...))
		check("twice", n+1, append(append([]string{}, lines[:n+1]...), lines[n:]...))
		moved := append([]string{}, lines...)
		moved[n], moved[n+1] = moved[n+1], moved[n]
		if n != 0 || chained(n) {
			check("moved", n, moved)
		}
	}
	// The last lines may be cut off without breaking the chain. Only a hash that is kept
	// elsewhere tells: it is no longer in the file.
	short := CheckChain([]byte(strings.Join(lines[:9], "")))
	if long := CheckChain([]byte(strings.Join(lines, ""))); !short.IsWhole() || short.At[long.Head] != 0 || long.At[long.Head] != 10 {
		t.Errorf("%+v", short)
	}
}

// TestLineThatHasLostItsHashIsNoticed: a line at the end, or every line, without the hash that
// keyd wrote it with. A line of an older keyd, and a torn one, are innocent.
func TestLineThatHasLostItsHashIsNoticed(t *testing.T) {
	h := OpenHistory(t.TempDir(), atomicfile.OS{})
	for range 3 {
		if err := h.Append(HistoryEntry{Process: "run", Verb: "created", KeyID: "AKIA1", Policy: &settings.Policy{MaxAge: "90d"}}); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(h.Path)
	if err != nil {
		t.Fatal(err)
	}
	strip := func(text string) string {
		return regexp.MustCompile(`,"chain":"[0-9a-f]*"`).ReplaceAllString(text, "")
	}
	lines := strings.SplitAfter(string(data), "\n")
	oldLine := strings.SplitAfter(older, "\n")[0]
	for name, tt := range map[string]struct {
		text string
		want []Span
	}{
		"whole":              {string(data), nil},
		"the last one":       {lines[0] + lines[1] + strip(lines[2]), []Span{{3, 3}}},
		"all":                {strip(string(data)), []Span{{1, 3}}},
		"an older keyd's":    {string(data) + oldLine, nil},
		"and then the other": {lines[0] + oldLine + strip(lines[1]), []Span{{3, 3}}},
		"torn":               {lines[0] + strip(lines[1])[:len(strip(lines[1]))-3], nil},
	} {
		if c := CheckChain([]byte(tt.text)); !slices.Equal(c.Broken, tt.want) {
			t.Errorf("%s: %v, want %v", name, c.Broken, tt.want)
		}
	}
}

// TestVouchedFrom: a hash that fits vouches for nothing above a change.
func TestVouchedFrom(t *testing.T) {
	data := historyBytes(t)
	if c := CheckChain(data); c.VouchedFrom(10) != 1 {
		t.Errorf("whole: from line %d", c.VouchedFrom(10))
	}
	changed := bytes.Replace(data, []byte(`"did":"validated"`), []byte(`"did":"validates"`), 1) // line 7; the next hash is that of line 9
	if c := CheckChain(changed); !slices.Equal(c.Broken, []Span{{6, 7}, {8, 9}}) || c.VouchedFrom(10) != 9 || c.VouchedFrom(5) != 1 {
		t.Errorf("%v, from lines %d and %d", c.Broken, c.VouchedFrom(10), c.VouchedFrom(5))
	}
}

// TestChainGoesOnAfterALongGap: the last hash stands further back than what is read from the
// end of the history, or there is none yet.
func TestChainGoesOnAfterALongGap(t *testing.T) {
	for _, torn := range []string{"\n", ""} {
		h := OpenHistory(t.TempDir(), atomicfile.OS{})
		addText(t, h.Path, strings.Repeat("x", 2*tailSize)+torn)
		if head, err := h.Head(); head != "" || err == nil {
			t.Errorf("head %q, %v", head, err)
		}
		append1(t, h, "created")
		addText(t, h.Path, strings.Repeat("y\n", tailSize)+torn)
		append1(t, h, "swapped")
		data, err := os.ReadFile(h.Path)
		head, noHead := h.Head()
		if c := CheckChain(data); err != nil || noHead != nil || !c.IsWhole() || c.Chained != 2 || c.Head != head {
			t.Errorf("%v %v: %+v, head %s", err, noHead, c.Broken, head)
		}
	}
}

// TestChainSurvivesEveryCrash kills the process at every system call of an append, in the
// middle of the write too, and cuts the power there. Whatever is left, the next line fits, and
// no hash that was told is lost.
func TestChainSurvivesEveryCrash(t *testing.T) {
	h := OpenHistory(t.TempDir(), atomicfile.OS{})
	append1(t, h, "created")
	told, err := h.Head()
	if err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(h.Path)
	for _, power := range []bool{false, true} {
		for _, half := range []bool{false, true} {
			at := 1
			for ; appendAndDie(h, at, half); at++ {
				left, _ := os.ReadFile(h.Path)
				if power { // what was not synced may be lost, or there without its bytes
					left = append(bytes.Clone(before), make([]byte, (len(left)-len(before))/2)...)
				}
				if err := os.WriteFile(h.Path, left, 0o600); err != nil {
					t.Fatal(err)
				}
				append1(t, h, "deleted")
				data, _ := os.ReadFile(h.Path)
				if c := CheckChain(data); !c.IsWhole() || c.At[told] != 1 || c.HeadAt != c.Lines {
					t.Errorf("killed at call %d, half %v, power cut %v: %+v in\n%s", at, half, power, c, data)
				}
				if err := os.WriteFile(h.Path, before, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if at < 6 {
				t.Errorf("an append makes only %d calls", at-1)
			}
			if err := os.WriteFile(h.Path, before, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// appendAndDie appends to the history in a process that dies at one call, or after half of
// what that call writes. It reports whether the process died.
func appendAndDie(h History, at int, half bool) (died bool) {
	calls := 0
	sys := &atomicfiletest.Faulty{Sys: h.Sys, Fast: true}
	sys.Ask = func(c atomicfiletest.Call) error {
		switch calls++; {
		case calls != at:
			return nil
		case half && c.Op == "Write":
			died = true
			return &atomicfiletest.ShortWrite{Err: os.ErrDeadlineExceeded}
		}
		panic("the process died")
	}
	defer func() {
		if recover() != nil {
			died = true
			sys.Die()
		}
	}()
	h.Sys = sys
	_ = h.Append(HistoryEntry{Verb: "swapped", KeyID: "AKIAIOSFODNN7EXAMPLE"})
	return died
}

// TestDescriptionHoldsTheHash: the tag has room for it, whatever the host is called, and
// other descriptions have none.
func TestDescriptionHoldsTheHash(t *testing.T) {
	hash := strings.Repeat("5f", 32)
	for host, want := range map[string]string{
		"laptop": "keyd laptop 0f3a9c12ab34 2026-11-23 history=" + hash, "": "keyd 0f3a9c12ab34 2026-11-23 history=" + hash,
		"Änne's <Mac>":           "keyd -nne-s -Mac- 0f3a9c12ab34 2026-11-23 history=" + hash,
		strings.Repeat("h", 999): "keyd " + strings.Repeat("h", 154) + " 0f3a9c12ab34 2026-11-23 history=" + hash,
	} {
		text := Description{Host: host, Installation: "0f3a9c12ab34", Made: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), Anchor: hash}.String()
		read, ok := ParseDescription(text)
		if text != want || len(text) > 256 || !ok || read.Anchor != hash || read.Installation != "0f3a9c12ab34" || !FindDay(text).Equal(read.Made) || read.Made.Day() != 23 || read.String() != text {
			t.Errorf("%q: %q, %+v", host, text, read)
		}
	}
	for _, text := range []string{"", "keyd laptop 0f3a9c12ab34", "the history=" + hash, "key of keyd"} {
		if got, _ := ParseDescription(text); got.Anchor != "" {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// BenchmarkAppend adds a line to a history of a thousand lines.
func BenchmarkAppend(b *testing.B) {
	h := History{Path: filepath.Join(b.TempDir(), "history.jsonl"), Sys: atomicfile.OS{}}
	line := fmt.Sprintf("{%q:%q}\n", "did", strings.Repeat("x", 700))
	if err := os.WriteFile(h.Path, []byte(strings.Repeat(line, 1000)), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := h.Append(HistoryEntry{Verb: "swapped"}); err != nil {
			b.Fatal(err)
		}
	}
}
