package install

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kardianos/service"

	"keyd/credfile/atomicfile"
)

// A package brings a unit of its own, for all users and enabled for none. Where it starts
// this program, keyd install enables that unit and writes only what is different for this
// user into a drop-in: a later package may change the unit, and once the package is
// removed there is no unit that systemd would try to start over and over.

const (
	// packagedProgram is where the packages put the program. Its name is not keyd, which
	// is a link to it, because a keyboard remapper of that name may be installed as well.
	packagedProgram = "/usr/bin/keyd-aws"
	dropInFolder    = unitName + ".d"
	dropInName      = "keyd.conf"
	dropInHeader    = "# Written by keyd install. The unit itself belongs to a package.\n"
)

// packagedFolders returns the folders in which packages and administrators put the units
// of users, in systemd's order.
func (u *unit) packagedFolders() []string {
	return []string{u.host.root + "/etc/systemd/user", u.host.root + "/usr/local/lib/systemd/user", u.host.root + "/usr/lib/systemd/user"}
}

// packagedUnit returns the path of the unit of a package, "" for none, and the program
// that it starts.
func (u *unit) packagedUnit() (path, program string) {
	for _, dir := range u.packagedFolders() {
		path := filepath.Join(dir, unitName)
		if definition, err := os.ReadFile(path); err == nil {
			return path, parseStart(definition)
		}
	}
	return "", ""
}

// usesPackage reports whether the unit of a package starts this program.
func (u *unit) usesPackage() bool {
	path, program := u.packagedUnit()
	return path != "" && program != "" && sameFile(program, u.host.Executable)
}

// enabledLink returns the path of the link that has systemd start the unit of a package at
// every login, although keyd install has written nothing: systemctl enable. all says that
// an administrator has enabled it for every user. The path is "" if there is no such link.
func (u *unit) enabledLink() (path string, all bool) {
	const link = "default.target.wants/" + unitName
	for _, dir := range u.unitFolders() {
		if path := filepath.Join(dir, link); isLink(path) {
			return path, false
		}
	}
	if path := filepath.Join(u.host.root+"/etc/systemd/user", link); isLink(path) {
		return path, true
	}
	return "", false
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// renderDropIn returns what a user needs beside the unit of a package.
func renderDropIn(c *service.Config, version int) []byte {
	var b strings.Builder
	b.WriteString(dropInHeader + "[Service]\n")
	if version >= growingSince {
		b.WriteString(growingDelay)
	}
	b.WriteString(renderVariables(c))
	return []byte(b.String())
}

// ownNames returns the names, in the folder of a user's units, of what keyd install may
// have written there.
func ownNames() []string { return []string{unitName, filepath.Join(dropInFolder, dropInName)} }

// takeAway removes a definition, which need not exist. undo puts it back and reports
// whether there was one.
func takeAway(path string) (undo func() (before bool, err error), err error) {
	older, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return func() (bool, error) { return false, nil }, nil
	}
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		return nil, err
	}
	_ = os.Remove(filepath.Dir(path)) // the folder of the drop-in, if it is empty now
	return func() (bool, error) {
		err := atomicfile.MkdirAll(atomicfile.OS{}, filepath.Dir(path), 0o755)
		if err == nil {
			err = atomicfile.Write(atomicfile.OS{}, path, older, 0o600)
		}
		return true, err
	}, nil
}

// checkDisabled returns an error if the service starts at the next login all the same.
func (u *unit) checkDisabled() error {
	if path, all := u.enabledLink(); all {
		return refuse("systemctl --user mask "+unitName, "keyd is stopped, but %s starts it at the next login of every user: an administrator has enabled it", path)
	}
	return nil
}
