package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxLinks is how many symbolic links are followed on the way to one file, as many as
// Linux follows before it reports ELOOP.
const maxLinks = 40

// Resolve follows every symbolic link in path, one component at a time, and returns the
// absolute name of the file itself. The error wraps fs.ErrNotExist when path does not
// exist. It is *Refused when a symbolic link leads to a name that does not exist, because
// "there is no file" would be the wrong conclusion while a volume is not mounted yet, and
// when the links form a loop.
func Resolve(sys Sys, path string) (string, error) {
	end, _, err := followLinks(sys, path, nil)
	if err != nil {
		return "", err
	}
	return end, nil
}

// LinkChain returns the absolute names whose change can make path another file: every
// symbolic link on the way, in order, and then the file itself. Where a name is missing the
// chain ends with that name. Where the links form a loop, or a link cannot be read, the
// chain ends with that link.
func LinkChain(sys Sys, path string) []string {
	end, links, _ := followLinks(sys, path, nil)
	if end != "" {
		links = append(links, end)
	}
	return links
}

// followLinks returns the symbolic links on the way to a file and the name at its end: that
// of the file, or, with an error, the name that could not be described. The end is "" when
// the last link could not be followed.
func followLinks(sys Sys, path string, visit func(name string, info Info)) (end string, links []string, err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", nil, err
	}
	done, rest := splitPath(abs)
	linked := 0 // how many of the first names in rest come from the target of a link
	for len(rest) > 0 {
		name, promised := rest[0], linked > 0
		rest, linked = rest[1:], max(linked-1, 0)
		if name == ".." { // done holds no link, so this is its true parent
			done = filepath.Dir(done)
			continue
		}
		next := joinName(done, name)
		info, err := sys.Lstat(next)
		switch {
		case errors.Is(err, fs.ErrNotExist) && promised:
			return next, links, danglingError(path, next)
		case err != nil:
			return next, links, err
		}
		if visit != nil {
			visit(next, info)
		}
		if info.Mode&fs.ModeSymlink == 0 {
			done = next
			continue
		}
		links = append(links, next)
		if len(links) > maxLinks {
			return "", links, &Refused{Path: path, Why: "its symbolic links form a loop", Remedy: "point the link at a file"}
		}
		target, err := sys.Readlink(next)
		if err != nil {
			return "", links, err
		}
		var more []string
		if filepath.IsAbs(target) {
			done, more = splitPath(target)
		} else {
			_, more = splitPath(target)
		}
		rest, linked = append(more, rest...), linked+len(more)
	}
	return done, links, nil
}

// danglingError refuses a path on which a symbolic link leads to a name that is missing.
func danglingError(path, missing string) error {
	return &Refused{Path: path, Why: "leads through a symbolic link to " + missing + ", which does not exist",
		Remedy: "create that file, mount its volume, or remove the link"}
}

// joinName is filepath.Join for a clean path and one component that is neither . nor ..
func joinName(dir, name string) string {
	if dir != "" && os.IsPathSeparator(dir[len(dir)-1]) {
		return dir + name
	}
	return dir + string(filepath.Separator) + name
}

// splitPath returns the root of path and the components of the rest.
func splitPath(path string) (root string, names []string) {
	root = filepath.VolumeName(path)
	path = filepath.ToSlash(path[len(root):])
	root = filepath.FromSlash(root)
	names = make([]string, 0, strings.Count(path, "/")+1)
	if strings.HasPrefix(path, "/") {
		root += string(filepath.Separator)
	}
	for name := range strings.SplitSeq(path, "/") {
		if name != "" && name != "." {
			names = append(names, name)
		}
	}
	return root, names
}

// SameFile reports whether other is another name of the file at own, a name without symbolic
// links, so that other shows what is written at own. Such names come from hard links,
// mounted folders and file systems that ignore the case of letters. A file that is itself
// mounted at other does not count, because other keeps the old file when a new one takes
// the name own.
func SameFile(sys Sys, other, own string) bool {
	info, err := sys.Lstat(other)
	if err != nil || info.Mount || !info.Mode.IsRegular() {
		return false
	}
	a, err := fileIdentity(sys, other)
	if err != nil {
		return false
	}
	b, err := fileIdentity(sys, own)
	return err == nil && a == b
}

// fileIdentity opens the file, because on Windows only an open file has an ID.
func fileIdentity(sys Sys, path string) (FileID, error) {
	f, err := sys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return FileID{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.ID == (FileID{}) {
		err = errors.ErrUnsupported // without this check all files of a file system without IDs would be the same
	}
	return info.ID, err
}
