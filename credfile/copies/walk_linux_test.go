package copies

import (
	"io/fs"
	"syscall"
	"testing"
	"time"
)

func accessTime(fi fs.FileInfo) time.Time {
	st := fi.Sys().(*syscall.Stat_t)
	return time.Unix(st.Atim.Unix())
}

func TestMountsAreParsed(t *testing.T) {
	mounts := parseMounts(`22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:35 / /home/al/my\040share rw shared:2 master:1 - nfs4 server:/x rw,vers=4.2
41 22 0:36 / /mnt/c rw,noatime - 9p C:\134 rw,dirsync,aname=drvfs;path=C:\;uid=1000
42 22 0:37 / /home/al/d rw - autofs /etc/auto.misc rw
43 22 0:38 / /home/al/d rw - xfs /dev/sdb rw
44 22 0:39 / /run/user/1000/gvfs rw - fuse.gvfsd-fuse gvfsd-fuse rw
broken line
`)
	for path, want := range map[string]struct {
		gap     Reason
		windows bool
	}{"/": {}, "/home/al/my share": {Network, false}, "/mnt/c": {Network, true}, "/home/al/d": {}, "/run/user/1000/gvfs": {Special, false}} {
		m, ok := mounts[path]
		if !ok || m.gap() != want.gap || m.windows != want.windows {
			t.Errorf("%s: %+v", path, m)
		}
	}
	if m := mountOf(mounts, "/home/al/my share/x/y"); m.kind != "nfs4" {
		t.Errorf("%+v", m)
	}
	if listMounts() == nil {
		t.Error("no mounts")
	}
}
