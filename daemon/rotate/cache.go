package rotate

import (
	"errors"
	"io/fs"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// fileCache keeps between the rounds of a pass what was read from the status and the
// history, which are read again when a process has written them, and what the bytes of
// the AWS files and of the journals mean, which are read again in every round.
type fileCache struct {
	parsed   credfile.Memo
	journals journal.Memo
	status   cached[state.Status]
	recent   cached[state.Recent]
}

// cached is a value that was read from files.
type cached[T any] struct {
	value  T
	stamps []stamp // of the files when they were read; nil when nothing was
}

// stamp identifies one version of a file. A file that is replaced gets another id.
type stamp struct {
	id      atomicfile.FileID
	size    int64
	changed time.Time
}

// read returns the value that load reads from the files at paths, or the same value as
// before if none of the files has changed.
func (c *cached[T]) read(sys atomicfile.Sys, load func() (T, error), paths ...string) (T, error) {
	var stamps []stamp
	for _, path := range paths {
		info, err := sys.Lstat(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return load()
		}
		stamps = append(stamps, stamp{info.ID, info.Size, info.ModTime})
	}
	same := len(c.stamps) == len(stamps)
	for i := range c.stamps {
		same = same && c.stamps[i].id == stamps[i].id && c.stamps[i].size == stamps[i].size && c.stamps[i].changed.Equal(stamps[i].changed)
	}
	if same {
		return c.value, nil
	}
	value, err := load()
	if err == nil {
		c.value, c.stamps = value, stamps
	}
	return value, err
}

// loadStatus returns what the last pass, or the last round, has saved.
func (d *Rotator) loadStatus() (state.Status, error) {
	load := func() (state.Status, error) { return state.LoadStatusAndMemoryFrom(d.Sys, d.StateDir) }
	if d.guard == nil {
		return load()
	}
	return d.guard.cache.status.read(d.Sys, load, state.StatusPath(d.StateDir), state.MemoryPath(d.StateDir))
}

// readRecent returns what keyd did within the last day.
func (d *Rotator) readRecent() (state.Recent, error) {
	load := func() (state.Recent, error) { return d.historyLog().ReadRecent(d.Now().Add(-settings.Day)) }
	if d.guard == nil {
		return load()
	}
	return d.guard.cache.recent.read(d.Sys, load, state.HistoryPath(d.StateDir))
}
