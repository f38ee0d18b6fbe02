//go:build !windows

package state

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
)

// TestStateFolderOfOthersIsRefusedBeforeItIsUsed: nothing is created in or above it.
func TestStateFolderOfOthersIsRefusedBeforeItIsUsed(t *testing.T) {
	for name, tc := range map[string]struct {
		at    string
		owner atomicfiletest.Owner
		euid  int
		ok    bool
	}{
		"own":                         {euid: 1000, ok: true},
		"sudo in a user's home":       {at: "/net/alice", owner: atomicfiletest.Owner{UID: 1234}},
		"another user's folder":       {at: folder, owner: atomicfiletest.Owner{UID: 1234}, euid: 1000},
		"another user's rotations":    {at: JournalsPath(folder), owner: atomicfiletest.Owner{UID: 1234}, euid: 1000},
		"rotations for everyone":      {at: JournalsPath(folder), owner: atomicfiletest.Owner{UID: 1000, Mode: 0o777}, euid: 1000},
		"left by an older sudo keyd":  {at: folder, owner: atomicfiletest.Owner{UID: 0, Mode: 0o700}, euid: 1000},
		"a folder above for everyone": {at: "/net/alice", owner: atomicfiletest.Owner{UID: 1000, Mode: 0o777}, euid: 1000},
	} {
		disk := atomicfiletest.NewDisk(time.Now, "/net/alice")
		if strings.HasPrefix(tc.at, folder) {
			if err := errors.Join(disk.Mkdir(folder, 0o700), disk.Mkdir(JournalsPath(folder), 0o700)); err != nil {
				t.Fatal(err)
			}
		}
		before := disk.Unsynced()
		sys := &atomicfiletest.Owned{Sys: disk, Me: tc.euid, Owners: map[string]atomicfiletest.Owner{tc.at: tc.owner}}
		err := OpenFolder(sys, folder, "/net/alice")
		if tc.ok != (err == nil) || !tc.ok && !isType[*atomicfile.Untrusted](err) {
			t.Errorf("%s: %v", name, err)
		}
		if !tc.ok && len(disk.Unsynced()) != len(before) {
			t.Errorf("%s: something was created: %v", name, disk.Unsynced())
		}
	}
}

// TestFolderThatAnotherCreatesIsRefused: in a folder such as /tmp, another user may be
// quicker than keyd.
func TestFolderThatAnotherCreatesIsRefused(t *testing.T) {
	disk := atomicfiletest.NewDisk(time.Now, "/tmp")
	sys := &atomicfiletest.Owned{Sys: disk, Me: 1000, Owners: map[string]atomicfiletest.Owner{"/tmp": {Mode: os.ModeSticky | 0o777}, "/tmp/keyd": {UID: 1234}}}
	if err := OpenFolder(sys, "/tmp/keyd", ""); !isType[*atomicfile.Untrusted](err) {
		t.Error(err)
	}
}
