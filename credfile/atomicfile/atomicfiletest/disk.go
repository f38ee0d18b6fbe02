// Package atomicfiletest has file systems for tests: disks that lose, tear and
// refuse what they are given.
//
// A [Disk] is a disk in memory, for tests that ask what a power failure leaves.
// A [Faulty] is another file system, most often the real one, that asks the test
// before every call: the test can make the Nth call fail, tear a write, end the
// process there, or do what another program might do at that moment.
package atomicfiletest

import (
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"keyd/credfile/atomicfile"
)

// DiskOp is one system call on a Disk.
type DiskOp struct {
	Name string // "create", "write", "rename", ...: the methods of Disk and of its files name theirs
	Path string // the file; for a rename its new name, for an exchange the second name
	Read bool   // the call changes nothing
}

// Disk is a file system in memory. Create it with NewDisk.
//
// It keeps two pictures: what every process sees, and what a power failure
// leaves. Only File.Sync copies bytes from the first to the second, and only
// SyncDir copies names. POSIX promises no more than that: a rename that was not
// synced may leave a new name with no bytes under it. A sync that fails discards
// the bytes that it should have written, and the next sync reports no error, as on
// Linux.
//
// Copying a Disk takes microseconds, so that a test can continue from any instant
// in every way in which the power can fail then. Its system calls and Put
// are safe for concurrent use. It has no links, no holes and no size limit: a call fails only when Around
// makes it fail, or when the names do not allow it. Clone, and what a power failure
// leaves, are for a disk that no one uses at that moment.
type Disk struct {
	mu sync.Mutex // held during each system call, and not while Around runs

	// Around is called in place of each system call and calls do to perform
	// it. An error from Around makes the call fail. When a "write" fails before
	// do was called, half of its bytes are written. When Around is nil, each call
	// is performed.
	Around func(op DiskOp, do func() error) error

	now     func() time.Time
	last    uint64 // the inode number given out last
	names   map[string]*node
	kept    map[string]*node // the names that a power failure leaves
	pending []change         // changes of names that were not synced, in order
	locked  map[string]bool
}

var _ atomicfile.Sys = (*Disk)(nil)

// node is a file or a directory.
type node struct {
	ino   uint64
	mode  fs.FileMode
	mtime time.Time
	data  []byte // replaced by every write, never modified
	kept  []byte // the bytes that a power failure leaves
	lost  bool   // a sync has failed: a power failure keeps nothing of data until the next write
}

// change is one directory entry that was made, moved or removed, or two entries
// of one directory that were exchanged.
type change struct {
	from, to string // "" in a creation and a removal, respectively
	node     *node  // the node that has the name to afterwards
	back     *node  // the node that has the name from afterwards; nil unless this is an exchange
}

// NewDisk returns a disk that holds the directory root, an absolute path, and its
// parents, all of them durable. Files get their times from now.
func NewDisk(now func() time.Time, root string) *Disk {
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

// Clone returns a copy of the disk as a new process finds it: without open files,
// locks and Around. The copy takes its times from now.
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

// do performs one system call, or lets Around perform it.
func (d *Disk) do(op DiskOp, call func() error) error {
	locked := func() error {
		d.mu.Lock()
		defer d.mu.Unlock()
		return call()
	}
	if d.Around == nil {
		return locked()
	}
	return d.Around(op, locked)
}

// set gives the node n the name to and removes the name from. Either may be "".
func (d *Disk) set(from, to string, n *node) {
	if from != "" {
		delete(d.names, from)
	}
	if to != "" {
		d.names[to] = n
	}
	d.pending = append(d.pending, change{from, to, n, nil})
}

// applyTo makes the change in the names that a power failure leaves.
func (c change) applyTo(kept map[string]*node) {
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

// dir returns the directory whose sync makes the change durable.
func (c change) dir() string {
	if c.to != "" {
		return filepath.Dir(c.to)
	}
	return filepath.Dir(c.from)
}

// FileState describes one file of a Disk.
type FileState struct {
	Path   string
	Mode   fs.FileMode
	Data   []byte // as processes see it; must not be modified
	Synced bool   // both the bytes and the name survive a power failure
}

// Files returns all regular files, sorted by path.
func (d *Disk) Files() []FileState {
	d.mu.Lock()
	defer d.mu.Unlock()
	files := make([]FileState, 0, len(d.names))
	for name, n := range d.names {
		if n.mode.IsRegular() {
			synced := d.kept[name] == n && !n.lost && string(n.kept) == string(n.data)
			files = append(files, FileState{name, n.mode, n.data, synced})
		}
	}
	slices.SortFunc(files, func(a, b FileState) int {
		if a.Path < b.Path {
			return -1
		}
		return 1
	})
	return files
}

// Kept returns the bytes that a power failure leaves in a file, or nil when it
// leaves no such file.
func (d *Disk) Kept(path string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.kept[path]; n != nil {
		return n.kept
	}
	return nil
}

// Unsynced returns the names that a power failure may remove or bring back. A name
// that was changed several times appears once for each change.
func (d *Disk) Unsynced() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
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

// Data returns the bytes of a file as processes see them, or nil when there is no
// such file.
func (d *Disk) Data(path string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.names[path]; n != nil {
		return n.data
	}
	return nil
}

// Overwritten reports whether the file holds unsynced bytes that were written in
// place, over bytes that a power failure would leave.
func (d *Disk) Overwritten(path string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[path]
	return n != nil && d.kept[path] == n && len(n.kept) > 0 && string(n.kept) != string(n.data)
}

// Put durably writes a file as another program would. It overwrites the old bytes
// or, when replace is set, puts a new file in place of the old one. It does not
// call Around.
func (d *Disk) Put(path string, data []byte, replace bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[path]
	if n == nil || replace {
		n = d.node(0o600)
		d.names[path] = n
	}
	n.data, n.kept, n.mtime, n.lost = data, data, d.now(), false
	d.kept[path] = n
	d.pending = slices.DeleteFunc(d.pending, func(c change) bool { return c.to == path || c.from == path })
}
