package atomicfile

import (
	"bufio"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// hiddenOwner is the id that Linux shows for an owner that the user namespace of this
// process does not know: the standard value of /proc/sys/kernel/overflowuid. In a
// namespace it stands for root of the machine as well as for any other user there.
const hiddenOwner = 65534

// ownerID returns the id of an owner, or -1 if a user namespace hides it.
func ownerID(uid uint32) int {
	if uid == hiddenOwner && inUserNamespace() {
		return -1
	}
	return int(uid)
}

// inUserNamespace reports whether some user ids of the machine have no id here.
// Source: user_namespaces(7): outside of namespaces, uid_map shows the one range
// "0 0 4294967295".
var inUserNamespace = sync.OnceValue(func() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && !slices.Equal(strings.Fields(string(text)), []string{"0", "0", "4294967295"})
})

// hasAccessList reports whether the file has an access list of its own.
func hasAccessList(name string) bool {
	_, err := unix.Lgetxattr(name, aclAttribute, nil)
	return err == nil
}

// withoutModes are the file systems whose modes do not say who may write a file: those of
// Windows, which show the same mode for every file, the drives of Windows in WSL, and AFS,
// which has access lists.
var withoutModes = []string{"vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "cifs", "smb3", "vboxsf", "afs", "drvfs", "wslfs"}

// keepsNoModes reports whether the modes of this file system mean nothing.
func keepsNoModes(name string) bool {
	m, ok := findMount(name)
	return ok && (slices.Contains(withoutModes, m.kind) || slices.Contains([]string{"9p", "virtiofs"}, m.kind) && inWSL())
}

// inWSL reports whether this is the kernel of WSL, which shows the drives of Windows as 9p
// or virtiofs, with mode 777 throughout.
var inWSL = sync.OnceValue(func() bool {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	return err == nil && strings.Contains(strings.ToLower(string(text)), "microsoft")
})

// localKinds are the file systems that no other machine sees at the same time.
var localKinds = []string{"ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "ramfs", "overlay", "zfs", "f2fs", "bcachefs", "jfs",
	"reiserfs", "nilfs2", "hfsplus", "ubifs", "vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "udf"}

// LockReach reads the kind and the options of the mount. Network file systems can be
// mounted so that locks stay on this machine.
// Source: nfs(5), under nolock and local_lock; mount.cifs(8), under nobrl.
func (OS) LockReach(dir string) Reach {
	m, ok := findMount(dir)
	if !ok {
		return ReachUnknown
	}
	return m.reach()
}

// reach returns whom the locks of flock(2) exclude on the mount.
func (m mount) reach() Reach {
	if slices.Contains(localKinds, m.kind) {
		return ReachMachine
	}
	for _, option := range m.options {
		switch {
		case strings.HasPrefix(m.kind, "nfs") && slices.Contains([]string{"nolock", "local_lock=all", "local_lock=flock"}, option),
			(m.kind == "cifs" || m.kind == "smb3") && option == "nobrl":
			return ReachOwnOnly
		}
	}
	return ReachUnknown
}

// mount is one line of /proc/self/mountinfo.
type mount struct {
	kind    string   // the type of the file system
	options []string // of the file system, without those of the mount point
}

// findMount returns the mount that a file is on. It returns false before Linux 5.8 and
// where /proc is missing.
func findMount(name string) (mount, bool) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, name, 0, unix.STATX_MNT_ID, &st); err != nil || st.Mask&unix.STATX_MNT_ID == 0 {
		return mount{}, false
	}
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return mount{}, false
	}
	m, err := parseMount(string(text), st.Mnt_id)
	return m, err == nil
}

// parseMount returns the mount with an id from the text of mountinfo.
// Source: proc_pid_mountinfo(5): the id is the first field; after a field "-" follow the
// type, the device and the options of the file system.
func parseMount(text string, id uint64) (mount, error) {
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || fields[0] != strconv.FormatUint(id, 10) {
			continue
		}
		if i := slices.Index(fields, "-"); i > 0 && len(fields) > i+3 {
			return mount{fields[i+1], strings.Split(fields[i+3], ",")}, nil
		}
	}
	return mount{}, errors.New("no such mount")
}
