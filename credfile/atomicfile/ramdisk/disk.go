// Package ramdisk is a disk in memory, for tests that ask what a crash leaves.
//
// It keeps two pictures: what every process sees, and what a power failure
// leaves. Bytes get from the one to the other by File.Sync alone, names by
// SyncDir alone, as POSIX promises and no more: a rename that is not synced may
// show a new name with no bytes below it. A sync that has failed drops what it
// was to write, and the next one says nothing of it, as Linux does.
//
// A disk is copied in microseconds, so that a test goes on from any instant in
// every way in which the power can fail then. It is not safe for concurrent
// use, and knows no links, no holes and no limits: what fails, fails because
// Around says so.
package ramdisk

import (
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"keyd/credfile/atomicfile"
)

// Op is one system call on the disk.
type Op struct {
	Name string // "create", "write", "rename", ...: see the methods
	Path string // of the file; the new name of a rename
	Read bool   // it changes nothing
}

// Disk is a file system. Its zero value is of no use: see New.
type Disk struct {
	// Around does each system call, or fails it. An error beside do's own
	// makes the call fail; a "write" then leaves half of its bytes. Nil does.
	Around func(op Op, do func() error) error

	now     func() time.Time
	last    uint64 // inode
	names   map[string]*node
	kept    map[string]*node // what the names are after a power failure
	pending []change         // of names, in order, not yet kept
	locked  map[string]bool
}

var _ atomicfile.Sys = (*Disk)(nil)

// node is a file or a directory.
type node struct {
	ino   uint64
	mode  fs.FileMode
	mtime time.Time
	data  []byte // never changed, only replaced
	kept  []byte // of data, after a power failure
	lost  bool   // a sync has failed: until the next write nothing of data is kept
}

// change is one entry of a directory that was made, moved or removed, or two
// of one directory that were exchanged.
type change struct {
	from, to string // "" where there is none
	node     *node  // that to is afterwards
	back     *node  // that from is; nil but for an exchange
}

// New returns a disk with the directory root, which is absolute.
func New(now func() time.Time, root string) *Disk {
	d := &Disk{now: now, names: map[string]*node{}, kept: map[string]*node{}, locked: map[string]bool{}}
	for dir := root; ; dir = filepath.Dir(dir) {
		n := d.node(fs.ModeDir | 0o700)
		d.names[dir], d.kept[dir] = n, n
		if dir == filepath.Dir(dir) {
			return d
		}
	}
}

func (d *Disk) node(mode fs.FileMode) *node {
	d.last++
	return &node{ino: d.last, mode: mode, mtime: d.now()}
}

// Clone returns the disk as a new process finds it, by a clock of its own:
// without open files and locks, and without Around.
func (d *Disk) Clone(now func() time.Time) *Disk {
	c := &Disk{now: now, last: d.last, names: make(map[string]*node, len(d.names)), kept: make(map[string]*node, len(d.kept)), locked: map[string]bool{}}
	twins := make(map[*node]*node, len(d.names))
	twin := func(n *node) *node {
		if n == nil {
			return nil
		}
		if twins[n] == nil {
			twins[n] = new(*n)
		}
		return twins[n]
	}
	for name, n := range d.names {
		c.names[name] = twin(n)
	}
	for name, n := range d.kept {
		c.kept[name] = twin(n)
	}
	for _, ch := range d.pending {
		c.pending = append(c.pending, change{ch.from, ch.to, twin(ch.node), twin(ch.back)})
	}
	return c
}

// do is one system call.
func (d *Disk) do(op Op, call func() error) error {
	if d.Around == nil {
		return call()
	}
	return d.Around(op, call)
}

// set changes a name: what from was is to afterwards.
func (d *Disk) set(from, to string, n *node) {
	if from != "" {
		delete(d.names, from)
	}
	if to != "" {
		d.names[to] = n
	}
	d.pending = append(d.pending, change{from, to, n, nil})
}

// keep carries a change over to what a power failure leaves.
func (c change) keep(kept map[string]*node) {
	if c.from != "" {
		delete(kept, c.from)
	}
	if c.to != "" {
		kept[c.to] = c.node
	}
	if c.back != nil {
		kept[c.from] = c.back
	}
}

func (c change) dir() string {
	if c.to != "" {
		return filepath.Dir(c.to)
	}
	return filepath.Dir(c.from)
}

// File is what a process, or a power failure, would find.
type File struct {
	Path   string
	Mode   fs.FileMode
	Data   []byte // must not be changed
	Synced bool   // the bytes survive a power failure, and the name
}

// Files returns all regular files by name.
func (d *Disk) Files() []File {
	files := make([]File, 0, len(d.names))
	for name, n := range d.names {
		if n.mode.IsRegular() {
			synced := d.kept[name] == n && !n.lost && string(n.kept) == string(n.data)
			files = append(files, File{name, n.mode, n.data, synced})
		}
	}
	slices.SortFunc(files, func(a, b File) int {
		if a.Path < b.Path {
			return -1
		}
		return 1
	})
	return files
}

// Kept returns the bytes of a file that a power failure leaves, nil for none.
func (d *Disk) Kept(path string) []byte {
	if n := d.kept[path]; n != nil {
		return n.kept
	}
	return nil
}

// Unsynced returns the names that a power failure may take back or bring back,
// each time that they were changed.
func (d *Disk) Unsynced() []string {
	var names []string
	for _, c := range d.pending {
		for _, name := range []string{c.to, c.from} {
			if name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// Data returns the bytes of a file, nil when there is none.
func (d *Disk) Data(path string) []byte {
	if n := d.names[path]; n != nil {
		return n.data
	}
	return nil
}

// Overwritten reports whether bytes that a power failure would leave have been
// written over, in the same file, and not yet synced.
func (d *Disk) Overwritten(path string) bool {
	n := d.names[path]
	return n != nil && d.kept[path] == n && len(n.kept) > 0 && string(n.kept) != string(n.data)
}

// Put writes a file as another program would, durably: over the old bytes, or,
// with replace, as a new file of that name. Around is not asked.
func (d *Disk) Put(path string, data []byte, replace bool) {
	n := d.names[path]
	if n == nil || replace {
		n = d.node(0o600)
		d.names[path] = n
	}
	n.data, n.kept, n.mtime, n.lost = data, data, d.now(), false
	d.kept[path] = n
	d.pending = slices.DeleteFunc(d.pending, func(c change) bool { return c.to == path || c.from == path })
}

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
