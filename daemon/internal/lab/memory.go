package lab

import (
	"path/filepath"
	"testing"
	"time"

	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/awssim"
)

// NewInMemory returns a lab with files in memory, in deep tests too, and with a clock of
// its own. Its home and its AWS are empty; see SetUp and UseCloud.
func NewInMemory(t *testing.T, now func() time.Time) *Lab {
	t.Helper()
	home, err := filepath.Abs("/home/alice")
	Must(t, err)
	l := &Lab{T: t, Home: home, disk: atomicfiletest.NewDisk(now, home), Now: now}
	l.Sys = l.disk
	l.HTTP = Watcher{Lab: l}
	return l
}

// Share returns a second machine that has the home of l on a network drive: the same
// files, and the same state. The caller gives each its own Sys, as the locks of the drive
// are.
func (l *Lab) Share() *Lab {
	l.T.Helper()
	twin := &Lab{T: l.T, Cloud: l.Cloud, User: l.User, OldKey: l.OldKey, Home: l.Home, Now: l.Now, Sys: l.Sys, disk: l.disk}
	twin.HTTP = Watcher{Lab: twin}
	twin.Restart()
	twin.RecordShown()
	return twin
}

// Fork returns a copy of a lab with files in memory, after a restart of keyd, at a copy of
// its AWS: from then on the two are independent. disks holds the copies of disks that
// several labs share; Fork adds to it.
func (l *Lab) Fork(cloud *awssim.Cloud, now func() time.Time, disks map[*atomicfiletest.Disk]*atomicfiletest.Disk) *Lab {
	l.T.Helper()
	if disks[l.disk] == nil {
		disks[l.disk] = l.disk.Clone(now)
	}
	twin := &Lab{T: l.T, Cloud: cloud, User: cloud.FindUser(l.User.Account(), l.User.Name()), OldKey: l.OldKey, Home: l.Home, Now: now, disk: disks[l.disk], Installation: l.Installation, fullProofs: l.fullProofs}
	twin.Sys = twin.disk
	twin.HTTP = Watcher{Lab: twin}
	twin.Restart()
	twin.RecordShown()
	return twin
}
