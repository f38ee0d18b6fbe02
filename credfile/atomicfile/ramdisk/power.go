package ramdisk

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// Outcome is one way in which the power can fail.
type Outcome struct {
	Name string
	Disk *Disk
}

// fate is what becomes of bytes that were not synced.
type fate struct {
	name string
	of   func(n *node) []byte
}

var fates = []fate{
	{"bytes kept", func(n *node) []byte { return n.data }},
	{"bytes torn", func(n *node) []byte { return slices.Concat(n.data[:len(n.data)/2], tailOf(n.kept, len(n.data)/2)) }},
	{"bytes lost", func(n *node) []byte { return n.kept }},
}

func tailOf(b []byte, from int) []byte { return b[min(from, len(b)):] }

// tears are the fates of bytes that were written over others, in place. A disk
// writes its sectors in any order, and they end anywhere.
var tears = []fate{
	{"bytes torn at 1/10", tear(0.1, false)}, {"bytes torn at 1/10, the end first", tear(0.1, true)},
	{"bytes torn at 1/3", tear(1.0/3, false)}, {"bytes torn at 1/3, the end first", tear(1.0/3, true)},
	{"bytes torn at 3/4", tear(0.75, false)}, {"bytes torn at 3/4, the end first", tear(0.75, true)},
}

// tear cuts a write at a part of the bytes that it changes.
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

// overwritten reports whether other bytes, and as many, are on the disk.
func (n *node) overwritten() bool {
	return len(n.data) == len(n.kept) && string(n.data) != string(n.kept)
}

func (d *Disk) fates() []fate {
	for name, n := range d.kept {
		if d.names[name] == n && n.overwritten() {
			return slices.Concat(fates, tears)
		}
	}
	return fates
}

// mostSets is up to how many changed names every subset is tried of; of more
// only those that were made first.
const mostSets = 3

// PowerFails returns each disk that a power failure can leave now, told apart
// by its names and bytes: any set of the names that were not synced, and the
// bytes that were not synced kept, torn in the middle, or lost. A write over
// bytes that were on the disk, as many as those, is torn in some places more.
func (d *Disk) PowerFails(now func() time.Time) []Outcome {
	var all []Outcome
	for _, names := range d.subsets() {
		for _, fate := range d.fates() {
			o := d.fail(now, names, fate.of)
			if !slices.ContainsFunc(all, func(a Outcome) bool { return a.Disk.equal(o) }) {
				all = append(all, Outcome{which(names, len(d.pending)) + ", " + fate.name, o})
			}
		}
	}
	return all
}

func which(names []change, all int) string {
	return strconv.Itoa(len(names)) + " of " + strconv.Itoa(all) + " names kept"
}

// subsets returns what may be kept of the pending changes, all of it first.
func (d *Disk) subsets() [][]change {
	p := d.pending
	var sets [][]change
	if len(p) > mostSets {
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

// fail is the disk after a power failure.
func (d *Disk) fail(now func() time.Time, names []change, bytes func(*node) []byte) *Disk {
	kept := maps.Clone(d.kept)
	for _, c := range names {
		c.keep(kept)
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

// reachable reports whether every directory above name is there.
func reachable(names map[string]*node, name string) bool {
	for dir := filepath.Dir(name); names[dir] != nil; dir = filepath.Dir(dir) {
		if dir == filepath.Dir(dir) {
			return true
		}
	}
	return false
}

// equal compares what a process sees.
func (d *Disk) equal(o *Disk) bool {
	return maps.EqualFunc(d.names, o.names, func(a, b *node) bool {
		return a.mode == b.mode && string(a.data) == string(b.data)
	})
}
