package decide

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"keyd/daemon/journal"
)

func TestDescribeCopies(t *testing.T) {
	files := []CopyFile{{Path: "/h/x/.env", Line: 3}, {Path: "/h/b.plist"}, {Path: "/h/evil\n\x1b[2J", Line: 1}, {Path: "/h/d", Line: 9}}
	processes := []CopyProcess{{"python3", 812}, {"node", 9}, {"a\x1bb", 1}, {"d", 2}}
	for _, c := range []struct {
		copies      *Copies
		text, count string
	}{
		{nil, "", ""},
		{&Copies{Unfinished: "the time was over"}, "", ""},
		{&Copies{Files: files[:1]}, "it stands in /h/x/.env:3", "1 file"},
		{&Copies{Files: files[:1], Processes: processes[:1]}, "it stands in /h/x/.env:3, and in the environment of python3 (pid 812)", "1 file and the environment of python3 (pid 812)"},
		{&Copies{Processes: processes[:2]}, "it stands in the environment of python3 (pid 812) and node (pid 9)", "the environment of python3 (pid 812) and node (pid 9)"},
		{&Copies{Files: files[:3]}, "it stands in /h/x/.env:3, /h/b.plist and /h/evil??[2J:1", "3 files"},
		{&Copies{Files: files, Processes: processes[:3], MoreProcesses: 2}, "it stands in /h/x/.env:3, /h/b.plist, /h/evil??[2J:1 and 1 more file, and in the environment of python3 (pid 812), node (pid 9), a?b (pid 1) and 2 more processes; all of them: keyd where work",
			"4 files and the environment of python3 (pid 812), node (pid 9), a?b (pid 1) and 2 more processes"},
		{&Copies{Files: files[:1], MoreFiles: 7}, "it stands in /h/x/.env:3 and 7 more files; all of them: keyd where work", "8 files"},
	} {
		if text, count := c.copies.Describe("work"), c.copies.Count(); text != c.text || count != c.count {
			t.Errorf("%+v:\n%s\n%s\n%s", c.copies, text, c.text, count)
		}
	}
	if text := (&Copies{KeyID: "AKIAIOSFODNN7EXAMPLE", Files: files[:1]}).DescribeFound("work"); text != "AKIA..MPLE also stands in /h/x/.env:3" {
		t.Error(text)
	}
}

func TestSearchedWithin(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		ago    time.Duration
		before time.Duration
		want   bool
	}{{0, SearchedNow, true}, {59 * time.Minute, SearchedNow, true}, {time.Hour, SearchedNow, false}, {19 * time.Hour, SearchedToday, true}, {20 * time.Hour, SearchedToday, false},
		{-journal.MaxClockOffset, SearchedNow, true}, {-24 * time.Hour, SearchedToday, false}} {
		if got := (&Copies{Searched: now.Add(-c.ago)}).SearchedWithin(c.before, now); got != c.want {
			t.Errorf("searched %s ago counts within %s: %v", c.ago, c.before, got)
		}
	}
	if (&Copies{Searched: now.Add(-SearchedToday), Unfinished: "x"}).SearchedWithin(1000*time.Hour, now) || !(&Copies{Searched: now.Add(-SearchedToday)}).SearchedWithin(1000*time.Hour, now) {
		t.Error("an unfinished search counts forever, or a whole one does not")
	}
	if (*Copies)(nil).SearchedWithin(SearchedToday, now) {
		t.Error("no search counts as one")
	}
}

// TestKnowsCopies: a person is told of a file once, and of a new one; processes come and go.
func TestKnowsCopies(t *testing.T) {
	a, b := CopyFile{Path: "/a", Line: 1}, CopyFile{Path: "/b"}
	one, moved, two := &Copies{Files: []CopyFile{a}}, &Copies{Files: []CopyFile{{Path: "/a", Line: 7}}, Processes: []CopyProcess{{"x", 1}}}, &Copies{Files: []CopyFile{a, b}}
	if !one.Knows(moved) || !one.Knows(nil) || one.Knows(two) || !two.Knows(one) || (*Copies)(nil).Knows(one) || !(*Copies)(nil).Knows(&Copies{}) {
		t.Error("a file that was told is new, or a new one is not")
	}
	text, err := json.Marshal(&Copies{KeyID: "AKIAIOSFODNN7EXAMPLE", Files: []CopyFile{a}})
	if want := `{"key":"AKIAIOSFODNN7EXAMPLE","files":[{"path":"/a","line":1}]}`; err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
	if !strings.Contains(string(text), "AKIA") {
		t.Error("ids are whole in JSON")
	}
}
