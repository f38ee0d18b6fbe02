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
	"path/filepath"
	"slices"
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
