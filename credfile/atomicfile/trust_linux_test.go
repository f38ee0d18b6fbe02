package atomicfile

import (
	"os"
	"path/filepath"
	"testing"
)

// TestGroupIsPrivateOnlyToOneUser: the answer decides whether a umask of 002 is harmless.
func TestGroupIsPrivateOnlyToOneUser(t *testing.T) {
	dir := t.TempDir()
	passwd, group := filepath.Join(dir, "passwd"), filepath.Join(dir, "group")
	for path, text := range map[string]string{
		passwd: "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:100::/:/bin/sh\ncarol:x:1002:1002::/:/bin/sh\ndave:x:1003:1002::/:/bin/sh\n",
		group:  "alice:x:1000:\nusers:x:100:\nproject:x:2000:alice,bob\nmine:x:2001:alice\nadmin:x:2002:root,alice\nempty:x:2003:\ncarol:x:1002:\nlent:x:1004:alice,bob\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for gid, want := range map[int]bool{1000: true, 100: false, 2000: false, 2001: true, 2002: true, 2003: false, 1002: false, 1004: false, 9999: false} {
		if got := isPrivateGroup(passwd, group, gid, 1000); got != want {
			t.Errorf("group %d is private to alice: %v, want %v", gid, got, want)
		}
	}
	if !isPrivateGroup(passwd, group, 5000, 5000) {
		t.Error("the private group of a user of a directory service")
	}
	if isPrivateGroup(passwd, group, 1002, 1002) {
		t.Error("carol's group is dave's first group as well")
	}
}

// TestMountTellsWhomLocksExclude with lines of mountinfo as Linux writes them.
func TestMountTellsWhomLocksExclude(t *testing.T) {
	const text = `22 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw
40 22 0:40 / /home rw,relatime shared:20 master:3 - nfs4 nas:/home rw,vers=4.2,local_lock=none,addr=10.0.0.2
41 22 0:41 / /mnt/a rw - nfs nas:/a rw,vers=3,nolock,local_lock=all,addr=10.0.0.2
42 22 0:42 / /mnt/b rw - nfs nas:/b rw,vers=3,local_lock=flock
43 22 0:43 / /mnt/c rw - nfs nas:/c rw,vers=3,local_lock=posix
44 22 0:44 / /mnt/d rw - fuse.sshfs host:/d rw,user_id=1000
45 22 0:45 / /mnt/e rw - cifs //nas/e rw,nobrl
46 22 0:46 / /with\040blank rw - btrfs /dev/sdb rw
47 22 0:47 / /cut rw - ext4
`
	for id, want := range map[uint64]Reach{22: ReachMachine, 40: ReachUnknown, 41: ReachOwnOnly, 42: ReachOwnOnly, 43: ReachUnknown, 44: ReachUnknown, 45: ReachOwnOnly, 46: ReachMachine} {
		m, err := parseMount(text, id)
		if err != nil || m.reach() != want {
			t.Errorf("mount %d: %+v, %v, %v", id, m, m.reach(), err)
		}
	}
	for _, id := range []uint64{47, 99} {
		if m, err := parseMount(text, id); err == nil {
			t.Errorf("mount %d: %+v", id, m)
		}
	}
}

// TestModesOfRealFiles: what the modes mean, asked of the real file system.
func TestModesOfRealFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]Writers{0o600: WritersNone, 0o644: WritersNone, 0o755: WritersNone, 0o602: WritersAll, 0o666: WritersAll} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		info, err := OS{}.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if keepsNoModes(path) {
			t.Skip("the file system keeps no modes")
		}
		if got := (OS{}).Writers(path, info); got != want {
			t.Errorf("mode %v: %v, want %v", mode, got, want)
		}
	}
}
