package decide

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// Copies is what a search of this machine has found of a key: where else it stands, and
// which programs hold it. The status remembers and shows it. It holds no secret. No decision depends on it.
type Copies struct {
	Searched  time.Time     `json:"searched,omitzero"`  // when the search ended
	KeyID     string        `json:"key"`                // whose copies they are; in a rotation, those of the old key
	Files     []CopyFile    `json:"files,omitzero"`     // those that outrank the AWS files first, then by path; at most MaxCopies
	Processes []CopyProcess `json:"processes,omitzero"` // by id; at most MaxCopies

	MoreFiles     int    `json:"more_files,omitzero"`     // how many files are left out
	MoreProcesses int    `json:"more_processes,omitzero"` // how many processes are left out
	Unfinished    string `json:"unfinished,omitzero"`     // why the search did not see everything; "" when it did
}

// MaxCopies is how many files and how many processes are remembered.
const MaxCopies = 50

// CopyFile is a place in a file that holds the id of the key.
type CopyFile struct {
	Path string `json:"path"`
	Line int    `json:"line,omitzero"` // from 1; 0 when the file has no lines
	Kind string `json:"kind,omitzero"` // what kind of file it is
}

// CopyProcess is a running program whose environment holds the id of the key.
type CopyProcess struct {
	Name string `json:"name"`
	PID  int    `json:"pid"`
}

// IsEmpty reports whether nothing was found.
func (c *Copies) IsEmpty() bool { return c == nil || len(c.Files)+len(c.Processes) == 0 }

// CountPrograms says how many running programs hold the key, which goes on to be the old one
// for them until they are started again; "" for none. c may be nil.
func (c *Copies) CountPrograms() string {
	switch {
	case c == nil || len(c.Processes) == 0:
		return ""
	}
	return settings.FormatCount(len(c.Processes)+c.MoreProcesses, "running program", "running programs")
}

// Knows reports whether c names every file that later names: there is nothing new to tell.
func (c *Copies) Knows(later *Copies) bool {
	return later == nil || !slices.ContainsFunc(later.Files, func(f CopyFile) bool {
		return c == nil || !slices.ContainsFunc(c.Files, func(known CopyFile) bool { return known.Path == f.Path })
	})
}

// How old the last search of this machine may be.
const (
	// SearchedToday is less than a day, because the hours at which AWS is asked about the
	// use of a key vary.
	SearchedToday = 20 * time.Hour
	// SearchedNow is for the moment at which someone is seen to use the old key.
	SearchedNow = time.Hour
)

// SearchedWithin reports whether this machine was searched for copies of the key in the
// time before now. A search that was not finished counts for a day at most.
func (c *Copies) SearchedWithin(before time.Duration, now time.Time) bool {
	if c != nil && c.Unfinished != "" {
		before = min(before, SearchedToday)
	}
	return c != nil && now.Sub(c.Searched) < before && c.Searched.Sub(now) <= journal.MaxClockOffset // otherwise the clock has been set back
}

// mostNamed is how many files, and how many processes, a sentence names.
const mostNamed = 3

// Describe says where else the key stands, as a part of a sentence: "it stands in
// /home/x/.env:3, and in the environment of python3 (pid 812)". It returns "" when
// nothing was found. profile is for the command that shows the rest.
func (c *Copies) Describe(profile string) string {
	if c.IsEmpty() {
		return ""
	}
	var parts []string
	if len(c.Files) > 0 {
		parts = append(parts, "in "+c.nameFiles())
	}
	if len(c.Processes) > 0 {
		parts = append(parts, "in the environment of "+c.nameProcesses())
	}
	text := "it stands " + strings.Join(parts, ", and ")
	if len(c.Files) > mostNamed || len(c.Processes) > mostNamed || c.MoreFiles+c.MoreProcesses > 0 {
		text += "; all of them: " + hint.Command("keyd where", profile)
	}
	return text
}

// nameFiles names the first files.
func (c *Copies) nameFiles() string {
	var names []string
	for _, f := range c.Files[:min(len(c.Files), mostNamed)] {
		name := oneLine(f.Path)
		if f.Line > 0 {
			name += ":" + strconv.Itoa(f.Line)
		}
		names = append(names, name)
	}
	return joinSome(names, len(c.Files)+c.MoreFiles-len(names), "file", "files")
}

// nameProcesses names the first processes.
func (c *Copies) nameProcesses() string {
	var names []string
	for _, p := range c.Processes[:min(len(c.Processes), mostNamed)] {
		names = append(names, fmt.Sprintf("%s (pid %d)", oneLine(p.Name), p.PID))
	}
	return joinSome(names, len(c.Processes)+c.MoreProcesses-len(names), "process", "processes")
}

// Count says how many files and which processes hold the key, without a path and without
// the id of the key: a notification may be seen by others. It returns "" when nothing was
// found.
func (c *Copies) Count() string {
	if c.IsEmpty() {
		return ""
	}
	var parts []string
	if n := len(c.Files) + c.MoreFiles; n > 0 {
		parts = append(parts, settings.FormatCount(n, "file", "files"))
	}
	if len(c.Processes) > 0 {
		parts = append(parts, "the environment of "+c.nameProcesses())
	}
	return strings.Join(parts, " and ")
}

// joinSome joins names, and counts those that are left out.
func joinSome(names []string, more int, one, many string) string {
	if more > 0 {
		return strings.Join(names, ", ") + " and " + settings.FormatCount(more, "more "+one, "more "+many)
	}
	return credfile.JoinWords(names)
}

// oneLine replaces what is not printable: anyone may choose the name of a file or a
// process.
func oneLine(text string) string {
	return strings.Map(func(c rune) rune {
		if !strconv.IsPrint(c) {
			return '?'
		}
		return c
	}, text)
}

// describeCopies returns where else the old key stands, as the end of a sentence, or that a
// key which is used was found nowhere; else "".
func (f *Facts) describeCopies() string {
	c, r := f.CopiesFound, f.Rotation
	switch {
	case c == nil || c.KeyID != r.Old.ID:
		return ""
	case !c.IsEmpty():
		return "; " + c.Describe(r.Profiles()[0])
	case r.UsedByOthers() && c.Unfinished == "":
		return "; no file and no program on this machine was found to hold it"
	case r.UsedByOthers():
		return "; nothing on this machine was found to hold it so far: " + oneLine(c.Unfinished)
	}
	return ""
}

// DescribeFound says that a key stands in other places, which a rotation does not change.
func (c *Copies) DescribeFound(profile string) string {
	text := c.Describe(profile)
	if rest, ok := strings.CutPrefix(text, "it stands "); ok {
		text = credfile.Short(c.KeyID) + " also stands " + rest
	}
	return text
}
