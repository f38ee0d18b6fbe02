package install

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sessionEnvironment returns the environment in which systemctl finds the user's
// systemd, nil for the one of this process. A shell of su or sudo -u has no
// XDG_RUNTIME_DIR, or still has the one of the user who called it; where linger is on,
// or the user is logged in elsewhere, the user's own folder exists all the same. The
// message bus that such a shell names is not the user's either.
func (h *Host) sessionEnvironment() []string {
	own := filepath.Join(cmp.Or(h.runtimeRoot, "/run/user"), h.UID)
	if dir := h.Getenv("XDG_RUNTIME_DIR"); dir == own || dir != "" && isOwnFolder(dir, h.UID) || !isOwnFolder(own, h.UID) {
		return nil
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "XDG_RUNTIME_DIR=") || strings.HasPrefix(v, "DBUS_SESSION_BUS_ADDRESS=")
	})
	return append(env, "XDG_RUNTIME_DIR="+own)
}

// isOwnFolder reports whether path is a folder that belongs to a user.
func isOwnFolder(path, uid string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	owner, ok := ownerOf(info)
	return ok && owner.uid == uid
}
