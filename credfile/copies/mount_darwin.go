package copies

import "golang.org/x/sys/unix"

// listMounts returns what is mounted, by folder. It touches none of it. It returns nil when
// the system does not say; then nothing is left out.
func listMounts() map[string]mount {
	n, err := unix.Getfsstat(nil, unix.MNT_NOWAIT)
	if err != nil {
		return nil
	}
	all := make([]unix.Statfs_t, n+8) // some may be mounted meanwhile
	if n, err = unix.Getfsstat(all, unix.MNT_NOWAIT); err != nil {
		return nil
	}
	mounts := map[string]mount{}
	for i := range all[:n] {
		of := &all[i]
		m := newMount(unix.ByteSliceToString(of.Fstypename[:]), unix.ByteSliceToString(of.Mntfromname[:]), "")
		m.remote = !m.special && (of.Flags&unix.MNT_LOCAL == 0 || m.kind == "autofs" || m.kind == "macfuse" || m.kind == "osxfuse")
		mounts[unix.ByteSliceToString(of.Mntonname[:])] = m
	}
	return mounts
}

// listTwins returns nothing: only a Linux runs in a Windows.
func listTwins(map[string]mount) []string { return nil }
