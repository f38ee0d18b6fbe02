package install

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Program returns the path under which the service starts keyd. The path survives
// an upgrade of the program: a package manager that keeps each version in its own
// folder later deletes that folder, so Program returns the link that the package
// manager keeps up to date. It returns a *RefusedError for a program in a
// temporary place, for one that others may replace, and for a path that no service
// definition can hold.
func (h *Host) Program() (string, error) {
	path, err := h.lastingPath()
	if err != nil {
		return "", err
	}
	if err := h.checkWriters(path); err != nil {
		return "", err
	}
	return path, nil
}

// lastingPath returns the path of Program, no matter who may write there.
func (h *Host) lastingPath() (string, error) {
	real, err := filepath.EvalSymlinks(h.Executable)
	if err != nil {
		return "", wrapError(err)
	}
	if place := h.temporaryPlace(real); place != "" {
		return "", refuse("move it to a permanent folder, for example: go build -o "+h.homePath(".local", "bin", programName(h.GOOS))+" ./cmd/keyd",
			"%s is %s, where it may disappear: nothing was changed", real, place)
	}
	for _, path := range h.stableNames(real) {
		if sameFile(path, real) && h.temporaryPlace(path) == "" && !isVersioned(path) && !h.isAlternative(path) {
			return h.checkPrintable(path)
		}
	}
	if strings.HasPrefix(real, "/nix/store/") {
		return "", refuse("nix profile install, then keyd install", "%s is in the Nix store and in no profile: garbage collection would delete it", real)
	}
	return h.checkPrintable(real)
}

// programName returns the file name of keyd on a system.
func programName(goos string) string {
	if goos == "windows" {
		return "keyd.exe"
	}
	return "keyd"
}

// temporaryPlace describes the temporary place that path is in; "" for none.
func (h *Host) temporaryPlace(path string) string {
	if slices.ContainsFunc(strings.Split(filepath.ToSlash(path), "/"), func(name string) bool { return strings.HasPrefix(name, "go-build") }) {
		return "in Go's build cache"
	}
	for _, dir := range []string{"/tmp", "/var/tmp", "/private/tmp", "/private/var/folders", "/var/folders", "/dev/shm",
		h.Getenv("TMPDIR"), h.Getenv("TEMP"), h.Getenv("TMP")} {
		if isInside(path, dir) {
			return "in a temporary folder"
		}
	}
	if isInside(path, h.homePath("Downloads")) {
		return "in the Downloads folder"
	}
	return ""
}

// isInside reports whether path is dir or below it. It compares the names, and
// also follows the links in dir.
func isInside(path, dir string) bool {
	if dir == "" {
		return false
	}
	dirs := []string{dir}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dirs = append(dirs, real)
	}
	return slices.ContainsFunc(dirs, func(dir string) bool {
		rest, err := filepath.Rel(dir, path)
		return err == nil && rest != ".." && !strings.HasPrefix(rest, ".."+string(filepath.Separator))
	})
}

// stableNames returns the paths that may lead to the program real, those first
// that last longest.
func (h *Host) stableNames(real string) []string {
	var names []string
	base := filepath.Base(real)
	for _, kept := range []string{"Cellar", "Caskroom"} { // Homebrew: <prefix>/Cellar/<formula>/<version>/bin/<program>
		if prefix, rest, ok := strings.Cut(filepath.ToSlash(real), "/"+kept+"/"); ok {
			formula, _, _ := strings.Cut(rest, "/")
			names = append(names, filepath.Join(prefix, "opt", formula, "bin", base), filepath.Join(prefix, "bin", base))
		}
	}
	if before, rest, ok := strings.Cut(filepath.ToSlash(real), "/scoop/apps/"); ok { // Scoop: apps/<app>/<version>/<program>
		app, _, _ := strings.Cut(rest, "/")
		names = append(names, filepath.Join(before, "scoop", "apps", app, "current", base))
	}
	for _, dir := range filepath.SplitList(h.Getenv("PATH")) {
		if filepath.IsAbs(dir) { // a link may have another name than the program, and was then called by it
			names = append(names, filepath.Join(dir, filepath.Base(h.Argv0)), filepath.Join(dir, base))
		}
	}
	names = append(names, h.homePath(".nix-profile", "bin", base), filepath.Join("/run/current-system/sw/bin", base))
	if path, err := filepath.Abs(h.Argv0); err == nil && strings.ContainsRune(filepath.ToSlash(h.Argv0), '/') {
		names = append(names, path)
	}
	return names
}

// isVersioned reports whether a path leads through the folder of one version.
func isVersioned(path string) bool {
	path = filepath.ToSlash(path)
	return strings.Contains(path, "/Cellar/") || strings.Contains(path, "/Caskroom/") || strings.HasPrefix(path, "/nix/store/")
}

// isAlternative reports whether a path is a link of Debian's or Red Hat's alternatives: the
// next package that brings a program of this name may take the link over.
func (h *Host) isAlternative(path string) bool {
	target, err := os.Readlink(path)
	return err == nil && isInside(target, h.root+"/etc/alternatives")
}

// sameFile reports whether two paths lead to the same file. It follows links.
func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// checkPrintable returns path, or refuses a path that no unit and no plist can
// hold. As an argument systemd accepts any text, but in the path of a program it
// accepts neither quotes nor backslashes, even when they are escaped.
func (h *Host) checkPrintable(path string) (string, error) {
	bad := strings.ContainsFunc(path, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError })
	if bad || h.GOOS == "linux" && strings.ContainsAny(path, `"'\`) {
		return "", refuse("move it to a path without quotes, backslashes and control characters", "the path %q of this program holds characters that a service definition cannot hold", path)
	}
	return path, nil
}
