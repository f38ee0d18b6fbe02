package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const maxLinks = 40 // as Linux counts before ELOOP

// Resolve follows every symbolic link in path, one component at a time, and
// returns the name of the file itself. A name that does not exist is an error
// that wraps fs.ErrNotExist, unless a link promises it: that one dangles and is
// *Refused, because "there is no file" would be the wrong conclusion when a
// volume is not mounted yet.
func Resolve(sys Sys, path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	done, rest := split(abs)
	linked := 0 // how many names of rest stand there because a link said so
	for links := 0; len(rest) > 0; {
		name, promised := rest[0], linked > 0
		rest, linked = rest[1:], max(linked-1, 0)
		if name == ".." { // done holds no link, so this is its true parent
			done = filepath.Dir(done)
			continue
		}
		next := filepath.Join(done, name)
		info, err := sys.Lstat(next)
		switch {
		case errors.Is(err, fs.ErrNotExist) && promised:
			return "", dangling(path, next)
		case err != nil:
			return "", err
		case info.Mode&fs.ModeSymlink == 0:
			done = next
			continue
		}
		if links++; links > maxLinks {
			return "", &Refused{Path: path, Why: "its symbolic links form a loop", Remedy: "point the link at a file"}
		}
		target, err := sys.Readlink(next)
		if err != nil {
			return "", err
		}
		var more []string
		if filepath.IsAbs(target) {
			done, more = split(target)
		} else {
			_, more = split(target)
		}
		rest, linked = append(more, rest...), linked+len(more)
	}
	return done, nil
}

func dangling(path, missing string) error {
	return &Refused{Path: path, Why: "is or passes a symbolic link to " + missing + ", which does not exist",
		Remedy: "create that file, mount its volume, or remove the link"}
}

// split takes the root off path and returns the components of the rest.
func split(path string) (root string, names []string) {
	root = filepath.VolumeName(path)
	path = filepath.ToSlash(path[len(root):])
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

// Same reports whether what is written at own, a name without symbolic links,
// also shows at other: a hard link, a mounted folder, another case of letters.
// A file that is mounted alone keeps the old one when own is renamed.
func Same(sys Sys, other, own string) bool {
	info, err := sys.Lstat(other)
	if err != nil || info.Mount || !info.Mode.IsRegular() {
		return false
	}
	a, err := identity(sys, other)
	if err != nil {
		return false
	}
	b, err := identity(sys, own)
	return err == nil && a == b
}

// identity opens: on Windows only an open file tells.
func identity(sys Sys, path string) (FileID, error) {
	f, err := sys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return FileID{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.ID == (FileID{}) {
		err = errors.ErrUnsupported // a file system without any would make all files one
	}
	return info.ID, err
}
