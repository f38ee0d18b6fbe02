package daemon

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"keyd/credfile/atomicfile"
)

func absolute(paths []string) []string {
	var all []string
	for _, p := range paths {
		if full, err := filepath.Abs(p); p != "" && err == nil && !slices.Contains(all, full) {
			all = append(all, full)
		}
	}
	return all
}

// trail returns the names whose change can make path another file: the file
// itself, and every symbolic link on the way to it. Where something is missing
// the trail ends with the first name that is.
func trail(sys atomicfile.Sys, path string) (names []string) {
	done, rest := split(path)
	for links := 0; len(rest) > 0; {
		name := filepath.Join(done, rest[0]) // ".." too: done holds no link
		rest = rest[1:]
		info, err := sys.Lstat(name)
		if err != nil {
			return append(names, name)
		}
		if info.Mode&fs.ModeSymlink == 0 {
			done = name
			continue
		}
		names = append(names, name)
		target, err := sys.Readlink(name)
		if links++; err != nil || links > 40 { // as many as Linux follows
			return names
		}
		root, more := split(target)
		if filepath.IsAbs(target) {
			done = root
		}
		rest = append(more, rest...)
	}
	return append(names, done)
}

// split takes the root off path and returns the names in the rest.
func split(path string) (root string, names []string) {
	root = filepath.VolumeName(path)
	path = filepath.ToSlash(path[len(root):])
	if strings.HasPrefix(path, "/") {
		root += string(filepath.Separator)
	}
	return root, strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}
