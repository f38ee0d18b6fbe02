package shadow

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// processes is the folder /proc.
type processes struct{ folder string }

func openProcesses(folder string) (processes, error) {
	_, err := os.Stat(folder)
	if err != nil {
		err = errors.New(folder + " cannot be read")
	}
	return processes{folder}, err
}

// pids returns the ids of all processes that this user can see.
func (p processes) pids() (pids []int) {
	folder, err := os.Open(p.folder)
	if err != nil {
		return nil
	}
	defer folder.Close()
	names, _ := folder.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	sortPIDs(pids)
	return pids
}

// describe reads stat and cmdline.
func (p processes) describe(pid int) (is running, own bool) {
	folder := filepath.Join(p.folder, strconv.Itoa(pid))
	info, err := os.Stat(folder)
	if err != nil {
		return is, false
	}
	// The folder of a process that does not let itself be inspected, as ssh-agent does,
	// is root's. Its status names its user all the same.
	uid := uint32(os.Geteuid())
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid != uid {
		if statusUID(readShort(filepath.Join(folder, "status"))) != int(uid) {
			return is, false
		}
	}
	is.pid = pid
	is.name, is.parent = parseStat(readShort(filepath.Join(folder, "stat")))
	is.command = firstWords(readShort(filepath.Join(folder, "cmdline")))
	return is, is.name != ""
}

// environ reads environ: the environment with which the process was started.
func (p processes) environ(pid int, ids []string) (held, error) {
	f, err := os.Open(filepath.Join(p.folder, strconv.Itoa(pid), "environ"))
	if err != nil {
		return held{}, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return held{}, fs.ErrNotExist
	}
	return scanEnviron(f, ids)
}

// readShort returns the first 4 KiB of a file; "" when it cannot be read.
func readShort(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	data, _ := io.ReadAll(io.LimitReader(f, 4<<10))
	return string(data)
}

// statusUID returns the effective user of /proc/PID/status, or -1.
func statusUID(status string) int {
	_, after, _ := strings.Cut(status, "\nUid:")
	line, _, _ := strings.Cut(after, "\n")
	if fields := strings.Fields(line); len(fields) >= 2 {
		if uid, err := strconv.Atoi(fields[1]); err == nil {
			return uid
		}
	}
	return -1
}

// parseStat returns the name and the parent in /proc/PID/stat. The name stands in
// parentheses and may hold any character.
func parseStat(stat string) (name string, parent int) {
	open, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return "", 0
	}
	if fields := strings.Fields(stat[end+1:]); len(fields) >= 2 {
		parent, _ = strconv.Atoi(fields[1])
	}
	return stat[open+1 : end], parent
}
