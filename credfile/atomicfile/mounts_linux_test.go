package atomicfile_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"

	"golang.org/x/sys/unix"
)

// accessList is user::rw-, user:ID:r--, group::---, mask::r--, other::--- in
// the kernel's form.
func accessList(id uint32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{1, 6, ^uint32(0)}, {2, 4, id}, {4, 0, ^uint32(0)}, {16, 4, ^uint32(0)}, {32, 0, ^uint32(0)}} {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.perm)
		b = binary.LittleEndian.AppendUint32(b, e.id)
	}
	return b
}

// setAttribute skips the test where the file system has no such attribute.
func setAttribute(t *testing.T, path, name string, value []byte) {
	t.Helper()
	err := unix.Setxattr(path, name, value, 0)
	if errors.Is(err, unix.ENOTSUP) {
		t.Skipf("the file system of %s has no %s", path, name)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func attribute(path, name string) string {
	buf := make([]byte, 4096)
	n, err := unix.Getxattr(path, name, buf)
	if err != nil {
		return err.Error()
	}
	return string(buf[:n])
}

func TestReplaceKeepsAttributes(t *testing.T) {
	t.Run("45 an extended attribute", func(t *testing.T) {
		path := home(t) + "/credentials"
		put(t, path, text)
		setAttribute(t, path, "user.origin", []byte("dotfiles"))
		replaced(t, atomicfile.OS{}, path, "new\n", atomicfile.Renamed)
		if got := attribute(path, "user.origin"); got != "dotfiles" {
			t.Errorf("it is %q", got)
		}
	})
	t.Run("45 an access list", func(t *testing.T) {
		path := home(t) + "/credentials"
		put(t, path, text)
		setAttribute(t, path, "system.posix_acl_access", accessList(12345))
		replaced(t, atomicfile.OS{}, path, "new\n", atomicfile.Renamed)
		if got := attribute(path, "system.posix_acl_access"); got != string(accessList(12345)) {
			t.Errorf("it is %q", got)
		}
	})
	t.Run("45 the directory's default access list does not widen the file", func(t *testing.T) {
		dir := home(t)
		path := dir + "/credentials"
		put(t, path, text)
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		setAttribute(t, dir, "system.posix_acl_default", accessList(12345))
		replaced(t, atomicfile.OS{}, path, "new\n", atomicfile.Renamed)
		if got := attribute(path, "system.posix_acl_access"); got != unix.ENODATA.Error() {
			t.Errorf("it has an access list: %q", got)
		}
	})
}

// A program that has the file open for writing is waited for, even when it has
// not written yet.
func TestBeingWritten(t *testing.T) {
	path := home(t) + "/credentials"
	put(t, path, text)
	r, err := atomicfile.OS{}.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.BeingWritten() {
		t.Error("nobody writes")
	}
	w, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !r.BeingWritten() {
		t.Skip("the file system grants no leases")
	}
	w.Close()
	if r.BeingWritten() {
		t.Error("the writer has gone")
	}
}

// mounts runs the calling test again as a process with mounts of its own, and
// reports whether this is that process.
func mounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv("KEYD_TEST_MOUNTS") == t.Name() {
		if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "KEYD_TEST_MOUNTS="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if uid := os.Geteuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EINVAL) {
		t.Skip("this user may have no mounts of its own:", err)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

func mount(t *testing.T, source, target, fstype string, flags uintptr, data string) {
	t.Helper()
	if err := unix.Mount(source, target, fstype, flags, data); err != nil {
		t.Fatalf("mount %s: %v", target, err)
	}
	t.Cleanup(func() { unix.Unmount(target, unix.MNT_DETACH) })
}

func TestMountedFile(t *testing.T) {
	if !mounts(t) {
		return
	}
	dir := home(t)
	host, path := dir+"/host", dir+"/credentials"
	put(t, host, text)
	put(t, path, "")
	mount(t, host, path, "", unix.MS_BIND, "")
	for _, data := range []string{"[dev]\n", "47 longer\n" + text} {
		replaced(t, atomicfile.OS{}, path, data, atomicfile.InPlace)
		if got := get(t, host); got != data {
			t.Errorf("the mounted file holds %q", got)
		}
	}
}

func TestReadOnlyFileSystem(t *testing.T) {
	if !mounts(t) {
		return
	}
	dir := home(t)
	mkdir(t, dir+"/ro")
	put(t, dir+"/ro/credentials", text)
	mount(t, dir+"/ro", dir+"/ro", "", unix.MS_BIND, "")
	mount(t, "", dir+"/ro", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	refusesToWrite(t, dir+"/ro/credentials") // 50
	link(t, "ro/credentials", dir+"/credentials")
	refusesToWrite(t, dir+"/credentials") // 50, as home-manager links into a Nix store
}

func TestReadOnlyDirectoryAroundMountedFile(t *testing.T) {
	if !mounts(t) {
		return
	}
	dir := home(t)
	mkdir(t, dir+"/ro")
	put(t, dir+"/host", text)
	put(t, dir+"/ro/credentials", "")
	mount(t, dir+"/ro", dir+"/ro", "", unix.MS_BIND, "")
	mount(t, "", dir+"/ro", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	mount(t, dir+"/host", dir+"/ro/credentials", "", unix.MS_BIND, "")
	replaced(t, atomicfile.OS{}, dir+"/ro/credentials", "[47]\n", atomicfile.InPlace)
}

func TestFullDisk(t *testing.T) {
	if !mounts(t) {
		return
	}
	dir := home(t)
	mount(t, "none", dir, "tmpfs", 0, "size=64k")
	path := dir + "/credentials"
	put(t, path, text)
	fill(t, dir+"/fill")
	o := read(t, atomicfile.OS{}, path)
	if _, err := o.Writable(); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("46 preflight: %v", err)
	}
	if w, err := o.Replace(t.Context(), []byte("new\n")); !errors.Is(err, unix.ENOSPC) || w.Way != atomicfile.Nowhere {
		t.Errorf("46 replace: %v, %v", w, err)
	}
	if got := fmt.Sprint(names(t, path)); get(t, path) != text || got != "[credentials fill]" {
		t.Errorf("46 left %s, %q", got, get(t, path))
	}
	// With a second name the file is written in place: the same length needs
	// no space, a longer one is put back.
	if err := os.Link(path, dir+"/other"); err != nil {
		t.Fatal(err)
	}
	changed := text[:len(text)-2] + "X\n"
	if w, err := read(t, atomicfile.OS{}, path).Replace(t.Context(), []byte(changed)); err != nil || get(t, path) != changed {
		t.Errorf("46 in place, same length: %v, %v", w, err)
	}
	longer := append([]byte("# more\n"+changed), make([]byte, 10<<10)...)
	if w, err := read(t, atomicfile.OS{}, path).Replace(t.Context(), longer); err == nil || w.Way != atomicfile.Nowhere || get(t, path) != changed {
		t.Errorf("46 in place, longer: %v, %v", w, err)
	}
}

// fill writes until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 512))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
}

// immutable sets or clears what chattr +i sets.
func immutable(t *testing.T, path string, on bool) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const flag = 0x10 // FS_IMMUTABLE_FL
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err == nil {
		if flags |= flag; !on {
			flags &^= flag
		}
		err = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags)
	}
	if err != nil && on {
		t.Skip("the system lets this user make no file immutable:", err)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestImmutable(t *testing.T) {
	dir := home(t)
	path := dir + "/credentials"
	t.Run("50 the file", func(t *testing.T) {
		put(t, path, text)
		immutable(t, path, true)
		defer immutable(t, path, false)
		refusesToWrite(t, path)
	})
	t.Run("48 the directory takes no new file", func(t *testing.T) {
		put(t, path, text)
		immutable(t, dir, true)
		defer immutable(t, dir, false)
		replaced(t, atomicfile.OS{}, path, "[48]\n", atomicfile.InPlace)
	})
}

// Other file systems than that of the temporary directory: what is written just
// before the exchange is kept, or where there is none, the file is renamed.
func TestExchangeOnFileSystems(t *testing.T) {
	if !mounts(t) {
		return
	}
	for _, tt := range []struct {
		name, fstype, data string
	}{
		{"tmpfs", "tmpfs", "size=1m"},
		{"overlay", "overlay", "lowerdir=%[1]s/lower,upperdir=%[1]s/layers/upper,workdir=%[1]s/layers/work"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			base := home(t)
			dir := base + "/home"
			mkdir(t, dir)
			if tt.fstype == "overlay" {
				mkdir(t, base+"/layers")
				mount(t, "none", base+"/layers", "tmpfs", 0, "")
				mkdir(t, base+"/lower")
				mkdir(t, base+"/layers/upper")
				mkdir(t, base+"/layers/work")
				put(t, base+"/lower/credentials", text)
				tt.data = fmt.Sprintf(tt.data, base)
			}
			if err := unix.Mount("none", dir, tt.fstype, 0, tt.data); err != nil {
				t.Skip("this user may not mount it:", err)
			}
			t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
			path := dir + "/credentials"
			if tt.fstype == "tmpfs" {
				put(t, path, text)
			}
			replacedSoon(t, path, "new\n")
			replaced(t, atomicfile.OS{}, path, "newer\n", atomicfile.Renamed)
			if !exchanges(t, dir) {
				t.Skip("it exchanges no names")
			}
			o := read(t, asking(func(c atomicfiletest.Call) error {
				if c.Op == "Exchange" && get(t, path) == "newer\n" {
					other{t, path}.renames("theirs\n")
				}
				return nil
			}), path)
			if w, err := o.Replace(t.Context(), []byte("ours\n")); !errors.Is(err, atomicfile.ErrChanged) || get(t, path) != "theirs\n" {
				t.Errorf("%v, %v, %q", w, err, get(t, path))
			}
			if got := names(t, path); len(got) != 1 {
				t.Errorf("left %q", got)
			}
		})
	}
}

// replacedSoon is for a file that gets another identity with the first write to
// it, as one of a lower layer does.
func replacedSoon(t *testing.T, path, data string) {
	t.Helper()
	for range 2 {
		_, err := read(t, atomicfile.OS{}, path).Replace(t.Context(), []byte(data))
		if err == nil && get(t, path) == data {
			return
		}
		t.Log(err)
	}
	t.Errorf("it holds %q", get(t, path))
}

// TestSyncOfAMountedFile: a file that is mounted is written in place, whatever its
// folder takes, and so Sync writes it again.
func TestSyncOfAMountedFile(t *testing.T) {
	if !mounts(t) {
		return
	}
	dir := home(t)
	host, path := dir+"/host", dir+"/credentials"
	put(t, host, text)
	put(t, path, "")
	mount(t, host, path, "", unix.MS_BIND, "")
	wrote := false
	o := read(t, asking(func(c atomicfiletest.Call) error {
		wrote = wrote || c.Op == "WriteAt"
		return nil
	}), path)
	if err := o.Sync(); err != nil || !wrote || get(t, host) != text {
		t.Errorf("%v, written again: %t, %q", err, wrote, get(t, host))
	}
}
