package shadow

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// processes are the processes of this user, as sysctl lists them.
type processes struct{ all map[int]running }

func openProcesses(string) (processes, error) {
	infos, err := unix.SysctlKinfoProcSlice("kern.proc.uid", os.Geteuid())
	if err != nil {
		return processes{}, errors.New("sysctl kern.proc.uid: " + err.Error())
	}
	p := processes{all: make(map[int]running, len(infos))}
	for _, info := range infos {
		pid := int(info.Proc.P_pid)
		p.all[pid] = running{pid: pid, parent: int(info.Eproc.Ppid), name: unix.ByteSliceToString(info.Proc.P_comm[:])}
	}
	return p, nil
}

// pids returns the ids of the processes of this user.
func (p processes) pids() (pids []int) {
	for pid := range p.all {
		pids = append(pids, pid)
	}
	sortPIDs(pids)
	return pids
}

// describe returns what the process is. own is true: sysctl has listed no others.
func (p processes) describe(pid int) (is running, own bool) {
	is = p.all[pid]
	if text, err := unix.SysctlRaw("kern.procargs2", pid); err == nil {
		is.command, _ = splitArguments(text)
		clear(text)
	}
	return is, true
}

// environ returns what the environment of the process holds. The kernel returns none for
// a process that System Integrity Protection guards.
func (p processes) environ(pid int, ids []string) (held, error) {
	text, err := unix.SysctlRaw("kern.procargs2", pid)
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return held{}, fs.ErrPermission
	case err != nil: // EINVAL: the process has ended, or has no arguments, as the kernel's own
		return held{}, fs.ErrNotExist
	}
	defer clear(text)
	return scanArguments(text, ids)
}
