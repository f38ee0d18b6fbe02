package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// inNamespace runs the calling test again in a process that has its own mounts, and
// reports whether this is that process.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv("KEYD_TEST_MOUNTS") == t.Name() {
		if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		return true
	}
	pattern := "^" + t.Name() + "$"
	if _, rows, ok := strings.Cut(flag.Lookup("test.run").Value.String(), "/"); ok {
		pattern += "/" + rows
	}
	args := []string{"-test.run=" + pattern, "-test.parallel=32"}
	if testing.Verbose() {
		args = append(args, "-test.v")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
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
		t.Errorf("%v", err)
	}
	if err != nil || testing.Verbose() {
		t.Logf("%s", out)
	}
	return false
}

// mountUntilEnd mounts something under a name in the home, until the test ends.
func (h *diskHome) mountUntilEnd(source, name, fstype string, flags uintptr, data string) error {
	target := h.path(name)
	if err := unix.Mount(source, target, fstype, flags, data); err != nil {
		return &os.PathError{Op: "mount", Path: target, Err: err}
	}
	h.t.Cleanup(func() { _ = unix.Unmount(target, unix.MNT_DETACH) })
	return nil
}

// mountTmpfs mounts a separate small disk under each name.
func mountTmpfs(names ...string) change {
	return func(h *diskHome) error {
		for _, name := range names {
			if err := os.MkdirAll(h.path(name), 0o700); err != nil {
				return err
			}
			if err := h.mountUntilEnd("none", name, "tmpfs", 0, "size=128k,nr_inodes=64,mode=0700"); err != nil {
				return err
			}
		}
		return nil
	}
}

// remountWith changes the flags of the mount under a name.
func remountWith(name string, flags uintptr) change {
	return func(h *diskHome) error {
		return unix.Mount("", h.path(name), "", unix.MS_BIND|unix.MS_REMOUNT|flags, "")
	}
}

func readOnly(name string) change      { return remountWith(name, unix.MS_RDONLY) }
func writableAgain(name string) change { return remountWith(name, 0) }

// bindFolder mounts a folder over itself, so that it can be made read-only.
func bindFolder(name string) change {
	return func(h *diskHome) error { return h.mountUntilEnd(h.path(name), name, "", unix.MS_BIND, "") }
}

// fillDisk writes until nothing more fits.
func fillDisk(name string) change {
	return func(h *diskHome) error {
		f, err := os.OpenFile(h.path(name+"/fill"), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		for err == nil {
			_, err = f.Write(make([]byte, 512))
		}
		if !errors.Is(err, unix.ENOSPC) {
			return err
		}
		return nil
	}
}

// takeInodes makes empty files until there can be no more.
func takeInodes(name string) change {
	return func(h *diskHome) error {
		if err := os.Mkdir(h.path(name+"/fill"), 0o700); err != nil {
			return err
		}
		for i := 0; ; i++ {
			f, err := os.Create(h.path(fmt.Sprintf("%s/fill/%d", name, i)))
			if errors.Is(err, unix.ENOSPC) {
				return nil
			}
			if err != nil {
				return err
			}
			f.Close()
		}
	}
}

func makeRoom(name string) change {
	return func(h *diskHome) error { return os.RemoveAll(h.path(name + "/fill")) }
}

// setImmutable sets or clears what chattr +i sets.
func setImmutable(name string, on bool) change {
	return func(h *diskHome) error {
		f, err := os.Open(h.path(name))
		if err != nil {
			return err
		}
		defer f.Close()
		const flag = 0x10 // FS_IMMUTABLE_FL
		flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
		if err != nil {
			return &missingFeature{"the file system has no chattr", err}
		}
		if flags |= flag; !on {
			flags &^= flag
		}
		err = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags)
		if err != nil && on {
			return &missingFeature{"this user may not chattr +i", err}
		}
		return err
	}
}

// missingFeature is an error that skips a test: this machine lacks something.
type missingFeature struct {
	what string
	err  error
}

func (a *missingFeature) Error() string { return fmt.Sprintf("%s: %v", a.what, a.err) }

// fileSystem creates a file system in a file, and mounts it under a name through a
// loop device. ext4 and btrfs have quotas without further tools, if the kernel was
// built with them.
func fileSystem(name, options string, size int64, mkfs ...string) change {
	return func(h *diskHome) error {
		image := filepath.Join(h.t.TempDir(), "image")
		if err := os.WriteFile(image, nil, 0o600); err != nil {
			return err
		}
		if err := os.Truncate(image, size); err != nil {
			return err
		}
		if err := h.runTool(append(mkfs, image)...); err != nil {
			return err
		}
		device, release, err := loopDevice(image)
		if err != nil {
			return &missingFeature{"no loop device", err}
		}
		defer release()
		fstype := strings.TrimPrefix(mkfs[0], "mkfs.")
		if err := h.mountUntilEnd(device, name, fstype, 0, options); err != nil {
			return &missingFeature{"no " + fstype + " with " + options, err}
		}
		return nil
	}
}

func mountExt4(name string) change {
	return fileSystem(name, "usrquota", 8<<20, "mkfs.ext4", "-q", "-F", "-O", "quota")
}

func mountBtrfs(name string) change {
	return inOrder(fileSystem(name, "", 20<<20, "mkfs.btrfs", "-q", "-M"), func(h *diskHome) error {
		return h.runTool("btrfs", "quota", "enable", h.path(name))
	})
}

// runTool runs a program that this machine may lack.
func (h *diskHome) runTool(args ...string) error {
	program, err := exec.LookPath(args[0])
	if err != nil {
		program = "/usr/sbin/" + args[0] // which is not in every PATH
	}
	out, err := exec.CommandContext(h.t.Context(), program, args[1:]...).CombinedOutput()
	if err != nil {
		return &missingFeature{"no " + args[0] + " that can do this", fmt.Errorf("%w: %s", err, out)}
	}
	return nil
}

// limitGroup limits everything on a btrfs, including root's files.
func limitGroup(name, limit string) change {
	return func(h *diskHome) error {
		if err := h.runTool("btrfs", "qgroup", "limit", limit, h.path(name)); err != nil {
			return err
		}
		return h.runTool("btrfs", "filesystem", "sync", h.path(name)) // the limit takes effect from here on
	}
}

// noQuota turns the limits off. Raising a limit would need free space within it.
func noQuota(name string) change {
	return func(h *diskHome) error { return h.runTool("btrfs", "quota", "disable", h.path(name)) }
}

// mountFile mounts one file over another, as containers do.
func mountFile(host, name string) change {
	return func(h *diskHome) error { return h.mountUntilEnd(h.path(host), name, "", unix.MS_BIND, "") }
}

// loopDevice attaches a file to a loop device. The kernel removes the device once
// nothing uses it.
func loopDevice(image string) (device string, release func(), err error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return "", nil, err
	}
	defer control.Close()
	file, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		return "", nil, err
	}
	defer file.Close()
	for range 10 { // another process may take the free one
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return "", nil, err
		}
		device = fmt.Sprintf("/dev/loop%d", n)
		loop, err := os.OpenFile(device, os.O_RDWR, 0)
		if err != nil {
			return "", nil, err
		}
		config := unix.LoopConfig{Fd: uint32(file.Fd())}
		config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR
		err = unix.IoctlLoopConfigure(int(loop.Fd()), &config)
		if err == nil {
			return device, func() { loop.Close() }, nil
		}
		loop.Close()
		if !errors.Is(err, unix.EBUSY) {
			return "", nil, err
		}
	}
	return "", nil, unix.EBUSY
}

// setQuota limits the user of this home to so many KiB on the disk under a name; 0
// means no limit.
func setQuota(name string, limit uint64) change {
	return func(h *diskHome) error {
		var device unix.Stat_t
		if err := unix.Stat(h.path(name), &device); err != nil {
			return err
		}
		source, err := os.Readlink(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(device.Dev), unix.Minor(device.Dev)))
		if err != nil {
			return err
		}
		special, err := unix.BytePtrFromString("/dev/" + filepath.Base(source))
		if err != nil {
			return err
		}
		block := struct { // struct if_dqblk of linux/quota.h
			hard, soft, space, inodesHard, inodesSoft, inodes, blockTime, inodeTime uint64
			valid                                                                   uint32
		}{hard: limit, valid: 1} // QIF_BLIMITS
		const setUserQuota = 0x800008 << 8 // QCMD(Q_SETQUOTA, USRQUOTA)
		_, _, errno := unix.Syscall6(unix.SYS_QUOTACTL, setUserQuota, uintptr(unsafe.Pointer(special)),
			uintptr(h.uid), uintptr(unsafe.Pointer(&block)), 0, 0)
		if errno != 0 {
			return &missingFeature{"the kernel has no quotas", errno}
		}
		return nil
	}
}
