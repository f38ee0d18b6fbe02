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

// accessList returns the access list user::rw-, user:ID:r--, group::---, mask::r--,
// other::--- in the kernel's form.
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

// setAttribute sets an extended attribute. It skips the test where the file system does not
// support it.
func setAttribute(t *testing.T, path, name string, value []byte) {
	t.Helper()
	err := unix.Setxattr(path, name, value, 0)
	if errors.Is(err, unix.ENOTSUP) {
		t.Skipf("the file system of %s does not support %s", path, name)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func getAttribute(path, name string) string {
	buf := make([]byte, 4096)
	n, err := unix.Getxattr(path, name, buf)
	if err != nil {
		return err.Error()
	}
	return string(buf[:n])
}

func TestReplaceKeepsAttributes(t *testing.T) {
	t.Run("an extended attribute", func(t *testing.T) {
		path := tempDir(t) + "/credentials"
		writeFile(t, path, text)
		setAttribute(t, path, "user.origin", []byte("dotfiles"))
		checkReplace(t, atomicfile.OS{}, path, "new\n", atomicfile.Renamed)
		if got := getAttribute(path, "user.origin"); got != "dotfiles" {
			t.Errorf("it is %q", got)
		}
	})
	t.Run("an access list", func(t *testing.T) {
		path := tempDir(t) + "/credentials"
		writeFile(t, path, text)
		setAttribute(t, path, "system.posix_acl_access", accessList(12345))
		checkReplace(t, atomicfile.OS{}, path, "new\n", atomicfile.Renamed)
		if got := getAttribute(path, "system.posix_acl_access"); got != string(accessList(12345)) {
			t.Errorf("it is %q", got)
		}
	})
	t.Run("the directory's default access list does not widen the file", func(t *testing.T) {
		dir := tempDir(t)
		path := dir + "/credentials"
		writeFile(t, path, text)
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		setAttribute(t, dir, "system.posix_acl_default", accessList(12345))
		checkReplace(t, atomicfile.OS{}, path, "new\n", atomicfile.Renamed)
		if got := getAttribute(path, "system.posix_acl_access"); got != unix.ENODATA.Error() {
			t.Errorf("the file has an access list: %q", got)
		}
	})
}

// TestBeingWrittenSeesOpenFiles: a program that has the file open for writing counts even
// before it writes.
func TestBeingWrittenSeesOpenFiles(t *testing.T) {
	path := tempDir(t) + "/credentials"
	writeFile(t, path, text)
	r, err := atomicfile.OS{}.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.BeingWritten() {
		t.Error("BeingWritten is true, but no program has the file open for writing")
	}
	w, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !r.BeingWritten() {
		t.Skip("the file system does not support leases")
	}
	w.Close()
	if r.BeingWritten() {
		t.Error("BeingWritten is true, but the writer has closed the file")
	}
}

// inOwnMounts runs the calling test again in a process that has its own mounts, and reports
// whether this is that process.
func inOwnMounts(t *testing.T) bool {
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
		t.Skip("this user may not create a mount namespace:", err)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

func mountAt(t *testing.T, source, target, fstype string, flags uintptr, data string) {
	t.Helper()
	if err := unix.Mount(source, target, fstype, flags, data); err != nil {
		t.Fatalf("mount %s: %v", target, err)
	}
	t.Cleanup(func() { unix.Unmount(target, unix.MNT_DETACH) })
}

func TestReplaceMountedFile(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	dir := tempDir(t)
	host, path := dir+"/host", dir+"/credentials"
	writeFile(t, host, text)
	writeFile(t, path, "")
	mountAt(t, host, path, "", unix.MS_BIND, "")
	for _, data := range []string{"[dev]\n", "longer\n" + text} {
		checkReplace(t, atomicfile.OS{}, path, data, atomicfile.InPlace)
		if got := readFile(t, host); got != data {
			t.Errorf("the mounted file holds %q", got)
		}
	}
}

func TestReplaceOnReadOnlyFileSystem(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	dir := tempDir(t)
	makeDir(t, dir+"/ro")
	writeFile(t, dir+"/ro/credentials", text)
	mountAt(t, dir+"/ro", dir+"/ro", "", unix.MS_BIND, "")
	mountAt(t, "", dir+"/ro", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	checkRefusesWrite(t, dir+"/ro/credentials")
	makeLink(t, "ro/credentials", dir+"/credentials")
	checkRefusesWrite(t, dir+"/credentials") // as home-manager links into a Nix store
}

func TestReplaceMountedFileInReadOnlyDirectory(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	dir := tempDir(t)
	makeDir(t, dir+"/ro")
	writeFile(t, dir+"/host", text)
	writeFile(t, dir+"/ro/credentials", "")
	mountAt(t, dir+"/ro", dir+"/ro", "", unix.MS_BIND, "")
	mountAt(t, "", dir+"/ro", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	mountAt(t, dir+"/host", dir+"/ro/credentials", "", unix.MS_BIND, "")
	checkReplace(t, atomicfile.OS{}, dir+"/ro/credentials", "[new]\n", atomicfile.InPlace)
}

func TestReplaceOnFullDisk(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	dir := tempDir(t)
	mountAt(t, "none", dir, "tmpfs", 0, "size=64k")
	path := dir + "/credentials"
	writeFile(t, path, text)
	fillDisk(t, dir+"/fill")
	o := mustRead(t, atomicfile.OS{}, path)
	if _, err := o.CheckWritable(); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("Writable: %v", err)
	}
	if w, err := o.Replace(t.Context(), []byte("new\n")); !errors.Is(err, unix.ENOSPC) || w.Way != atomicfile.NotWritten {
		t.Errorf("Replace: %v, %v", w, err)
	}
	if got := fmt.Sprint(listDir(t, path)); readFile(t, path) != text || got != "[credentials fill]" {
		t.Errorf("the directory has %s, and the file holds %q", got, readFile(t, path))
	}
	// A file with a second name is written in place. A text of the same length needs no
	// space; after a longer one has failed, the old text is put back.
	if err := os.Link(path, dir+"/other"); err != nil {
		t.Fatal(err)
	}
	changed := text[:len(text)-2] + "X\n"
	if w, err := mustRead(t, atomicfile.OS{}, path).Replace(t.Context(), []byte(changed)); err != nil || readFile(t, path) != changed {
		t.Errorf("in place, same length: %v, %v", w, err)
	}
	longer := append([]byte("# more\n"+changed), make([]byte, 10<<10)...)
	if w, err := mustRead(t, atomicfile.OS{}, path).Replace(t.Context(), longer); err == nil || w.Way != atomicfile.NotWritten || readFile(t, path) != changed {
		t.Errorf("in place, longer: %v, %v", w, err)
	}
}

// fillDisk writes a file until the disk is full.
func fillDisk(t *testing.T, path string) {
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

// setImmutable sets or clears the attribute that chattr +i sets.
func setImmutable(t *testing.T, path string, on bool) {
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
		t.Skip("this user may not make a file immutable:", err)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestReplaceImmutable(t *testing.T) {
	dir := tempDir(t)
	path := dir + "/credentials"
	t.Run("an immutable file is refused", func(t *testing.T) {
		writeFile(t, path, text)
		setImmutable(t, path, true)
		defer setImmutable(t, path, false)
		checkRefusesWrite(t, path)
	})
	t.Run("a file in an immutable directory is written in place", func(t *testing.T) {
		writeFile(t, path, text)
		setImmutable(t, dir, true)
		defer setImmutable(t, dir, false)
		checkReplace(t, atomicfile.OS{}, path, "[new]\n", atomicfile.InPlace)
	})
}

// TestExchangeOnFileSystems: on other file systems than that of the temporary directory, what
// is written just before the exchange is kept. Where names cannot be exchanged, the file is
// renamed.
func TestExchangeOnFileSystems(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	for _, tt := range []struct {
		name, fstype, data string
	}{
		{"tmpfs", "tmpfs", "size=1m"},
		{"overlay", "overlay", "lowerdir=%[1]s/lower,upperdir=%[1]s/layers/upper,workdir=%[1]s/layers/work"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			base := tempDir(t)
			dir := base + "/home"
			makeDir(t, dir)
			if tt.fstype == "overlay" {
				makeDir(t, base+"/layers")
				mountAt(t, "none", base+"/layers", "tmpfs", 0, "")
				makeDir(t, base+"/lower")
				makeDir(t, base+"/layers/upper")
				makeDir(t, base+"/layers/work")
				writeFile(t, base+"/lower/credentials", text)
				tt.data = fmt.Sprintf(tt.data, base)
			}
			if err := unix.Mount("none", dir, tt.fstype, 0, tt.data); err != nil {
				t.Skip("this user may not mount this file system:", err)
			}
			t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
			path := dir + "/credentials"
			if tt.fstype == "tmpfs" {
				writeFile(t, path, text)
			}
			checkReplaceRetried(t, path, "new\n")
			checkReplace(t, atomicfile.OS{}, path, "newer\n", atomicfile.Renamed)
			if !canExchange(t, dir) {
				t.Skip("this file system cannot exchange names")
			}
			o := mustRead(t, askBefore(func(c atomicfiletest.Call) error {
				if c.Op == "Exchange" && readFile(t, path) == "newer\n" {
					otherProgram{t, path}.renames("theirs\n")
				}
				return nil
			}), path)
			if w, err := o.Replace(t.Context(), []byte("ours\n")); !errors.Is(err, atomicfile.ErrChanged) || readFile(t, path) != "theirs\n" {
				t.Errorf("written %v, error %v, the file holds %q", w, err, readFile(t, path))
			}
			if got := listDir(t, path); len(got) != 1 {
				t.Errorf("the directory has %q", got)
			}
		})
	}
}

// checkReplaceRetried replaces a file whose identity changes with the first write to it, as
// that of a file in a lower layer of an overlay does: the first Replace may fail.
func checkReplaceRetried(t *testing.T, path, data string) {
	t.Helper()
	for range 2 {
		_, err := mustRead(t, atomicfile.OS{}, path).Replace(t.Context(), []byte(data))
		if err == nil && readFile(t, path) == data {
			return
		}
		t.Log(err)
	}
	t.Errorf("the file holds %q", readFile(t, path))
}

// TestSyncOfAMountedFile: a mounted file is always written in place, even where its directory
// accepts new files, and therefore Sync rewrites it.
func TestSyncOfAMountedFile(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	dir := tempDir(t)
	host, path := dir+"/host", dir+"/credentials"
	writeFile(t, host, text)
	writeFile(t, path, "")
	mountAt(t, host, path, "", unix.MS_BIND, "")
	wrote := false
	o := mustRead(t, askBefore(func(c atomicfiletest.Call) error {
		wrote = wrote || c.Op == "WriteAt"
		return nil
	}), path)
	if err := o.Sync(); err != nil || !wrote || readFile(t, host) != text {
		t.Errorf("error %v, rewritten: %t, the file holds %q", err, wrote, readFile(t, host))
	}
}
