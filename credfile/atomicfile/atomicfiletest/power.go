package atomicfiletest

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// Outcome is one state in which a power failure can leave a disk.
type Outcome struct {
	Name string // describes which names and bytes were kept
	Disk *Disk  // the disk as it is when the power is back
}

// fate decides what a power failure leaves of bytes that were not synced.
type fate struct {
	name string
	of   func(n *node) []byte
}

var fates = []fate{
	{"bytes kept", func(n *node) []byte { return n.data }},
	{"bytes torn", func(n *node) []byte { return slices.Concat(n.data[:len(n.data)/2], tailOf(n.kept, len(n.data)/2)) }},
	{"bytes lost", func(n *node) []byte { return n.kept }},
}

// tailOf returns the bytes of b from an index that may lie behind its end.
func tailOf(b []byte, from int) []byte { return b[min(from, len(b)):] }

// tears are further fates of bytes that were written in place over as many others.
// A disk writes its sectors in any order, and sectors end anywhere in a file.
var tears = []fate{
	{"bytes torn at 1/10", tear(0.1, false)}, {"bytes torn at 1/10, the end first", tear(0.1, true)},
	{"bytes torn at 1/3", tear(1.0/3, false)}, {"bytes torn at 1/3, the end first", tear(1.0/3, true)},
	{"bytes torn at 3/4", tear(0.75, false)}, {"bytes torn at 3/4, the end first", tear(0.75, true)},
}

// tear returns the bytes after a write in place of which only a part of the changed
// bytes, counted from the start or from the end, reached the disk.
func tear(part float64, endFirst bool) func(*node) []byte {
	return func(n *node) []byte {
		if !n.overwritten() {
			return n.data
		}
		start, end := 0, len(n.data)
		for n.data[start] == n.kept[start] {
			start++
		}
		for n.data[end-1] == n.kept[end-1] {
			end--
		}
		cut := start + int(part*float64(end-start))
		if endFirst {
			return slices.Concat(n.kept[:cut], n.data[cut:])
		}
		return slices.Concat(n.data[:cut], n.kept[cut:])
	}
}

// overwritten reports whether the disk holds other bytes of the same length.
func (n *node) overwritten() bool {
	return len(n.data) == len(n.kept) && string(n.data) != string(n.kept)
}

// fates returns the fates that differ for the files of this disk.
func (d *Disk) fates() []fate {
	for name, n := range d.kept {
		if d.names[name] == n && n.overwritten() {
			return slices.Concat(fates, tears)
		}
	}
	return fates
}

// maxSubsetNames is the largest number of unsynced changes of names for which every
// subset is tried. Of more changes only those up to some moment are kept.
const maxSubsetNames = 3

// PowerFails returns every disk that a power failure can leave now, each only once.
// Any subset of the unsynced changes of names may have reached the disk, and the
// unsynced bytes may be kept, torn in the middle, or lost. A write in place over as
// many bytes is torn at several more positions. At most three unsynced changes of
// names are tried in all subsets; of more changes only those up to some moment are
// kept. The disks take their times from now.
func (d *Disk) PowerFails(now func() time.Time) []Outcome {
	var all []Outcome
	for _, names := range d.subsets() {
		for _, fate := range d.fates() {
			o := d.fail(now, names, fate.of)
			if !slices.ContainsFunc(all, func(a Outcome) bool { return a.Disk.looksLike(o) }) {
				all = append(all, Outcome{countKept(names, len(d.pending)) + ", " + fate.name, o})
			}
		}
	}
	return all
}

// countKept says how many of the changes of names were kept.
func countKept(names []change, all int) string {
	return strconv.Itoa(len(names)) + " of " + strconv.Itoa(all) + " names kept"
}

// subsets returns the sets of pending changes that a power failure may keep,
// beginning with all of them.
func (d *Disk) subsets() [][]change {
	p := d.pending
	var sets [][]change
	if len(p) > maxSubsetNames {
		for n := len(p); n >= 0; n-- {
			sets = append(sets, p[:n])
		}
		return sets
	}
	for mask := 1<<len(p) - 1; mask >= 0; mask-- {
		var set []change
		for i, c := range p {
			if mask&(1<<i) != 0 {
				set = append(set, c)
			}
		}
		sets = append(sets, set)
	}
	return sets
}

// fail returns the disk after a power failure that kept these changes of names, and
// of unsynced files what bytes returns.
func (d *Disk) fail(now func() time.Time, names []change, bytes func(*node) []byte) *Disk {
	kept := maps.Clone(d.kept)
	for _, c := range names {
		c.applyTo(kept)
	}
	o := &Disk{now: now, last: d.last, names: map[string]*node{}, kept: map[string]*node{}, locked: map[string]bool{}}
	for name, n := range kept {
		if !reachable(kept, name) {
			continue
		}
		m := new(*n)
		if n.mode.IsRegular() {
			m.data = n.kept
			if !n.lost {
				m.data = bytes(n)
			}
			m.kept, m.lost = m.data, false
		}
		o.names[name], o.kept[name] = m, m
	}
	return o
}

// reachable reports whether every directory above name exists.
func reachable(names map[string]*node, name string) bool {
	for dir := filepath.Dir(name); names[dir] != nil; dir = filepath.Dir(dir) {
		if dir == filepath.Dir(dir) {
			return true
		}
	}
	return false
}

// looksLike reports whether a process sees the same names, modes and bytes on both
// disks.
func (d *Disk) looksLike(o *Disk) bool {
	return maps.EqualFunc(d.names, o.names, func(a, b *node) bool {
		return a.mode == b.mode && string(a.data) == string(b.data)
	})
}
