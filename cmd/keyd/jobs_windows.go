package main

import "os"

// jobs is empty: Windows has no Ctrl-Z.
type jobs struct{ stops, continues chan os.Signal }

func followJobs() jobs { return jobs{} }

func (jobs) end() {}

func (jobs) suspend() {}

// inForeground reports whether the terminal belongs to this process: there are no jobs.
func (t *terminal) inForeground() bool { return true }

// isGone reports whether standard output has lost its reader. Windows does not say so before
// a write fails.
func (t *terminal) isGone() bool { return false }
