package install

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// isPrivateGroup reports whether no one but root and the user is in a group. Many
// systems give each user a group of their own and let it write whatever the user may
// write, so such a right is nothing to fear.
//
// It looks at the files of accounts, and returns false where other sources could add
// members. On macOS the groups admin and wheel count as private: their members may
// become root, and Homebrew lets admin write its folders.
func (h *Host) isPrivateGroup(gid string) bool {
	if h.GOOS == "darwin" {
		return gid == "80" || gid == "0"
	}
	etc := cmp.Or(h.accounts, "/etc")
	groups, users := readAccounts(etc, "group"), readAccounts(etc, "passwd")
	if groups == nil || users == nil {
		return false
	}
	trusted := []string{"root"}
	for _, u := range users { // name:password:uid:gid:...
		switch {
		case len(u) < 4:
			return false
		case u[2] == h.UID:
			trusted = append(trusted, u[0])
		case u[3] == gid && u[2] != "0":
			return false
		}
	}
	found := false
	for _, g := range groups { // name:password:gid:members
		if len(g) < 4 {
			return false
		}
		if g[2] != gid {
			continue
		}
		found = true
		for member := range strings.SplitSeq(g[3], ",") {
			if member = strings.TrimSpace(member); member != "" && !slices.Contains(trusted, member) {
				return false
			}
		}
	}
	return found
}

// readAccounts returns the fields of every line of group or passwd in a folder. It
// returns nil when the file cannot be read, or is not the only source of the system.
func readAccounts(etc, name string) [][]string {
	data, err := os.ReadFile(filepath.Join(etc, name))
	if err != nil || !isOnlySource(etc, name) {
		return nil
	}
	all := [][]string{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
			continue
		case line[0] == '+' || line[0] == '-': // more accounts, from NIS
			return nil
		}
		all = append(all, strings.Split(line, ":"))
	}
	return all
}

// isOnlySource reports whether nsswitch.conf names no source of accounts but the
// files. A system without that file has no other one. The source systemd knows the
// users of running services, and people whose group is their own.
func isOnlySource(etc, name string) bool {
	data, err := os.ReadFile(filepath.Join(etc, "nsswitch.conf"))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		database, sources, _ := strings.Cut(line, ":")
		if strings.TrimSpace(database) != name {
			continue
		}
		for source := range strings.FieldsSeq(sources) {
			if !slices.Contains([]string{"files", "compat", "systemd", "[NOTFOUND=return]", "[SUCCESS=merge]"}, source) {
				return false
			}
		}
	}
	return true
}
