package install

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAccessListsNameTheirWriters reads access lists as the kernel stores them.
func TestAccessListsNameTheirWriters(t *testing.T) {
	entry := func(tag, rights uint16, id uint32) []byte {
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, tag), rights), id)
	}
	const none = 0xffffffff
	for name, test := range map[string]struct {
		entries [][]byte
		want    []string
		group   bool // the group of the file may write
	}{
		"a user": {[][]byte{entry(0x01, 7, none), entry(listUser, 6, 1001), entry(listUser, 4, 1002), entry(listGroup, 5, none), entry(listMask, 7, none), entry(0x20, 5, none)}, []string{"u:1001"}, false},
		"groups": {[][]byte{entry(listGroup, 7, none), entry(listOther, 2, 100), entry(listMask, 6, none)}, []string{"g:100"}, true},
		"a mask": {[][]byte{entry(listUser, 7, 1001), entry(listGroup, 7, none), entry(listMask, 5, none)}, nil, false},
	} {
		list := slices.Concat(append([][]byte{{2, 0, 0, 0}}, test.entries...)...)
		o := owner{mode: 0o775}
		o.applyList(list)
		if !slices.Equal(o.writers, test.want) || o.mode&0o020 != 0 != test.group {
			t.Errorf("%s: writers %v, mode %o", name, o.writers, o.mode)
		}
	}
	entries := [][]byte{{2, 0, 0, 0}, entry(0x01, 7, none), entry(listUser, 6, 1001), entry(listGroup, 5, none), entry(listMask, 7, none), entry(0x20, 5, none)}
	file := filepath.Join(t.TempDir(), "keyd")
	if err := os.WriteFile(file, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setxattr(file, "system.posix_acl_access", slices.Concat(entries...), 0); err != nil {
		t.Logf("this file system has no access lists: %v", err)
	} else if info, err := os.Stat(file); err != nil {
		t.Error(err)
	} else if o, ok := readOwner(file, info); !ok || !slices.Equal(o.writers, []string{"u:1001"}) || o.mode&0o022 != 0 {
		t.Errorf("a real access list: writers %v, mode %o, %v", o.writers, o.mode, ok)
	}
	o := owner{uid: "501", writers: []string{"u:501", "u:0", "u:1001", "g:100"}}
	h := Host{GOOS: "linux", UID: "501", accounts: "/nonexistent"}
	if got := h.othersWhoWrite(o); len(got) != 2 {
		t.Errorf("others %v, want one user and one group", got)
	}
}
