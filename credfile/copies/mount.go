package copies

import (
	"path/filepath"
	"slices"
	"strings"
)

// mount is a file system that is mounted on a folder.
type mount struct {
	kind    string // as the system calls it: ext4, nfs4, fuse.sshfs
	remote  bool   // reading it may wait for another machine or another program
	special bool   // it holds no files of anyone, such as proc
	windows bool   // it is a drive of the Windows that this Linux runs in
}

// gap returns why the file system is not searched; "" if it is.
func (m mount) gap() Reason {
	switch {
	case m.special:
		return Special
	case m.remote:
		return Network
	}
	return ""
}

// mountOf returns the file system that a path is on, as far as mounts tells.
func mountOf(mounts map[string]mount, path string) mount {
	for {
		if m, ok := mounts[path]; ok {
			return m
		}
		parent := filepath.Dir(path)
		if parent == path {
			return mount{}
		}
		path = parent
	}
}

// localKinds are the file systems that are known to read from this machine's own disks and
// memory. Whatever else may be mounted, an unknown one could hang.
var localKinds = []string{
	"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "bcachefs", "nilfs2", "tmpfs", "ramfs", "overlay", "aufs", "ecryptfs",
	"vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "hfsplus", "hfs", "ufs", "minix", "squashfs", "erofs", "iso9660", "udf", "rootfs",
	"fuse.gocryptfs", "fuse.encfs", "fuse.cryfs", "fuse.securefs", "fuse.bindfs", "fuse.fuse-overlayfs", "apfs",
}

// specialKinds are file systems of the kernel.
var specialKinds = []string{
	"proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs", "configfs", "bpf", "pstore",
	"mqueue", "hugetlbfs", "binfmt_misc", "fusectl", "efivarfs", "nsfs", "rpc_pipefs", "selinuxfs", "fuse.portal", "fuse.gvfsd-fuse", "devfs",
}

// newMount describes a file system by its kind, and by what is mounted.
func newMount(kind, source, options string) mount {
	m := mount{kind: kind, special: slices.Contains(specialKinds, kind)}
	m.remote = !m.special && !slices.Contains(localKinds, kind)
	isDrive := len(source) >= 2 && source[1] == ':'
	m.windows = kind == "drvfs" || (kind == "9p" || kind == "virtiofs") && (isDrive || strings.Contains(options, "aname=drvfs"))
	return m
}
