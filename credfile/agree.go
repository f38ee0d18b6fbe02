package credfile

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"keyd/credfile/readers"
)

// fileTexts are both files as bytes. A file that does not exist is nil.
type fileTexts struct{ credentials, config []byte }

// with returns t with the data of one file replaced.
func (t fileTexts) with(kind Kind, data []byte) fileTexts {
	if kind == Config {
		t.config = data
	} else {
		t.credentials = data
	}
	return t
}

// readerCheck compares what every AWS reader finds before and after an edit. In each
// profile a reader may find the pair that it found before or the new one, and never a
// half of each; all other settings must stay as they were.
type readerCheck struct {
	file      *File // the file that is edited
	other     *File // the other file, or nil when the edited one is read alone
	next      Key
	gone      []string          // ids that no reader may use after the edit, each once
	exchanged *strings.Replacer // turns each value that is replaced into the new one
}

// newReaderCheck returns the check of an edit that puts next into the places. With all, the
// edit has to leave none of the replaced ids to any reader.
func (f *File) newReaderCheck(places []pairPlace, next Key, all bool) *readerCheck {
	c := &readerCheck{file: f, next: next}
	var words []string
	for _, p := range places {
		id, secret := f.Text(p.pair.id.Value), f.Text(p.pair.secret.Value)
		words = append(words, id, next.ID, secret, next.Secret.Reveal())
		if all && id != next.ID && !slices.Contains(c.gone, id) {
			c.gone = append(c.gone, id)
		}
	}
	c.exchanged = strings.NewReplacer(words...)
	return c
}

// compare returns why the edit that turns before into after is refused, or nil.
func (c *readerCheck) compare(before, after fileTexts) *Refusal {
	for _, r := range readers.All() {
		old, now := r.ReadFiles(before.credentials, before.config), r.ReadFiles(after.credentials, after.config)
		if refusal := c.compareReadings(&r, old, now); refusal != nil {
			return refusal
		}
	}
	return nil
}

// compareReadings compares what one reader found before and after the edit.
func (c *readerCheck) compareReadings(r *readers.Reader, old, now readers.Profiles) *Refusal {
	if (old == nil) != (now == nil) || len(old) != len(now) {
		return c.refuse(readers.Setting{}, "after the change %s would not find the same profiles", r.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		before, after := old[name], now[name]
		if refusal := cmp.Or(c.comparePairs(r, name, r.Pair(before), r.Pair(after)), c.compareSettings(r, before, after)); refusal != nil {
			return refusal
		}
	}
	return nil
}

// comparePairs requires that both halves of a pair are the new ones, or that none
// changes. Half of a torn pair may be new already.
func (c *readerCheck) comparePairs(r *readers.Reader, name string, before, after readers.Pair) *Refusal {
	newID, newSecret := before.ID.Value != after.ID.Value, before.Secret.Value != after.Secret.Value
	switch {
	case newID && !newSecret && after.Secret.Value != "" && !strings.Contains(after.Secret.Value, c.next.Secret.Reveal()):
		return c.refuse(after.Secret, "after the change %s would find the new id next to another secret in profile %s", r.Name, name)
	case newSecret && !newID && after.ID.Value != "" && !strings.Contains(after.ID.Value, c.next.ID):
		return c.refuse(after.ID, "after the change %s would find the new secret next to another id in profile %s", r.Name, name)
	case after.Secret.Value != "" && slices.Contains(c.gone, after.ID.Value):
		return c.refuse(after.ID, "after the change %s would still find %s in profile %s", r.Name, Short(after.ID.Value), name)
	}
	return nil
}

// compareSettings requires that a profile has the same settings, apart from the values that
// are replaced. A reader may take more than half a pair for one value, such as the
// lines below it.
func (c *readerCheck) compareSettings(r *readers.Reader, before, after readers.Profile) *Refusal {
	if len(before) != len(after) {
		return c.refuse(readers.Setting{}, "after the change %s would find other settings", r.Name)
	}
	var changed *readers.Setting // the first one of them in the files
	for name, old := range before {
		now, ok := after[name]
		if ok && old.Line == now.Line && c.exchanged.Replace(old.Value) == c.exchanged.Replace(now.Value) {
			continue
		}
		if changed == nil || now.Line < changed.Line || now.Line == changed.Line && !now.Config {
			changed = &now
		}
	}
	if changed == nil {
		return nil
	}
	return c.refuse(*changed, "after the change %s would find a change other than the pair", r.Name)
}

// refuse returns a refusal for the line that makes the readers disagree about a setting.
func (c *readerCheck) refuse(about readers.Setting, format string, args ...any) *Refusal {
	f := c.file
	if c.other != nil && about.Line > 0 && about.Config == (c.other.Kind == Config) {
		f = c.other
	}
	return f.blameCulprit(f.newRefusal(about.Line, reportRemedy, format, args...))
}

// blameCulprit returns r for the line with the problem that makes readers disagree about
// r's line, if there is one.
func (f *File) blameCulprit(r *Refusal) *Refusal {
	if p := f.findCulprit(r.Line); p != nil {
		r.Line, r.Text, r.Remedy = p.Line, p.Text+": "+r.Text, p.Remedy
	}
	return r
}

// findCulprit returns the problem that makes readers disagree about a line: the one in
// that line, or else the nearest above it below the same header, or nil. A stray carriage
// return comes first, because some readers see another line in it.
func (f *File) findCulprit(line int) *Problem {
	header := f.headerOf(line)
	var found *Problem
	from, _ := slices.BinarySearchFunc(f.Problems, header, func(q Problem, line int) int { return q.Line - line })
	for i := range f.Problems[from:] {
		p := &f.Problems[from+i]
		if p.Line > line {
			break
		}
		if found != nil && p.Text != strayReturn && (found.Line == p.Line || header == 0) {
			continue // above the first header, the first problem is the cause of the others
		}
		if found = p; p.Text == strayReturn {
			break
		}
	}
	return found
}

// verifyTogether checks edits of both AWS files. Some readers merge the two, and one file is
// written before the other. edits are in the order of writing; replaced returns the places
// that an edit of a file has replaced.
func (s *Snapshot) verifyTogether(edits []fileEdit, next Key, all bool, replaced func(*File) []pairPlace) error {
	var now lexedFiles
	for f := range s.files() {
		now = now.with(f)
	}
	if now.credentials == nil || now.config == nil {
		return nil // each edit was checked alone
	}
	edits = slices.DeleteFunc(slices.Clone(edits), func(e fileEdit) bool { return e.file() == nil })
	for i, e := range edits {
		file := e.file()
		places, last := replaced(file), i == len(edits)-1
		check := file.newReaderCheck(places, next, all && last)
		for f := range s.files() {
			if f.Kind != file.Kind {
				check.other = f
			}
		}
		if r := check.compareFiles(now, places, e.data); r != nil {
			return r.wrap()
		}
		if !last {
			now = now.with(Lex(file.Path, file.Kind, e.data))
		}
	}
	return nil
}

// compareFiles is compare for an edit that puts the new pair into the places and leads to
// data. Of large plain files the readers read only what the edit concerns. Files that they
// do not accept that way, they read whole.
func (c *readerCheck) compareFiles(before lexedFiles, places []pairPlace, data []byte) *Refusal {
	if before.size() >= excerptSize {
		if e, ok := c.cutExcerpt(before, places, data); ok && c.compare(e.texts()) == nil {
			return nil
		}
	}
	return c.compare(before.texts(), before.texts().with(c.file.Kind, data))
}
