package shadow

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// splitArguments splits what kern.procargs2 returns: the number of arguments, the path
// of the program, NULs up to the first argument, the arguments, the environment.
// Source: sysctl_procargsx in bsd/kern/kern_sysctl.c of XNU.
func splitArguments(text []byte) (command string, environ []byte) {
	if len(text) < 4 {
		return "", nil
	}
	count, rest := binary.NativeEndian.Uint32(text), text[4:]
	_, rest, _ = bytes.Cut(rest, []byte{0})
	rest = bytes.TrimLeft(rest, "\x00")
	start := rest
	for range count {
		i := bytes.IndexByte(rest, 0)
		if i < 0 {
			return firstWords(string(start)), nil
		}
		rest = rest[i+1:]
	}
	return firstWords(string(start[:min(len(start)-len(rest), 4<<10)])), rest
}

// scanArguments finds the ids in the environment that kern.procargs2 returns.
func scanArguments(text []byte, ids []string) (held, error) {
	_, environ := splitArguments(text)
	return scanEnviron(bytes.NewReader(environ), ids)
}

// firstWords returns the program and its first argument, which end with a NUL.
func firstWords(arguments string) string {
	program, rest, _ := strings.Cut(arguments, "\x00")
	first, _, _ := strings.Cut(rest, "\x00")
	return strings.TrimSpace(program + " " + first)
}

// sortPIDs sorts process ids.
func sortPIDs(pids []int) { slices.Sort(pids) }
