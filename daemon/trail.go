package daemon

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"keyd/credfile/atomicfile"
)

// absolutePaths returns paths as absolute paths, without empty and repeated ones.
func absolute(paths []string) []string {
	var all []string
	for _, p := range paths {
		if full, err := filepath.Abs(p); p != "" && err == nil && !slices.Contains(all, full) {
			all = append(all, full)
		}
	}
	return all
}

// linkTrail returns the names whose change can make path refer to another file: the file
// itself, and every symbolic link on the way to it. If something on the way is missing,
// the first missing name is the last one of the trail.
func trail(sys atomicfile.Sys, path string) (names []string) {
	done, rest := split(path)
	for links := 0; len(rest) > 0; {
		name := filepath.Join(done, rest[0]) // correct for ".." too, because done contains no link
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
		if links++; err != nil || links > 40 { // Linux follows as many
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

// splitPath returns the root of path, "" for a relative path, and the names after it.
func split(path string) (root string, names []string) {
	root = filepath.VolumeName(path)
	path = filepath.ToSlash(path[len(root):])
	if strings.HasPrefix(path, "/") {
		root += string(filepath.Separator)
	}
	return root, strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}
